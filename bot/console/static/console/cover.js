// The frames of a cover: dragged, zoomed, moved by keys or typed as numbers. The numbers are what is sent.
"use strict";
(() => {
  const form = document.getElementById("frames");
  const wide = Number(form.dataset.width);
  const high = Number(form.dataset.height);

  for (const shape of form.querySelectorAll("[data-shape]")) {
    if (shape.disabled) continue;
    const ratio = Number(shape.dataset.ratio);
    const fewest = Number(shape.dataset.fewest);
    const most = Math.min(wide, Math.floor(high * ratio));
    const field = (name) => form.elements[`${shape.dataset.shape}-${name}`];
    const [left, top, across, zoom] = ["left", "top", "width", "zoom"].map(field);
    const stage = shape.querySelector(".stage");
    const frame = shape.querySelector(".frame");
    const looks = document.querySelectorAll(`[data-look="${shape.dataset.shape}"] image`);
    let held = null;

    across.max = zoom.max = most;
    shape.querySelector("[data-zoom]").hidden = false;
    frame.setAttribute("tabindex", "0");
    frame.setAttribute("role", "img");
    frame.setAttribute("aria-label", "裁剪框：方向键移动，加减号缩放，或在下面填数字");

    const within = (value, least, greatest) => Math.min(Math.max(value, least), Math.max(least, greatest));

    function put(x, y, width) {
      const w = Math.round(within(width, fewest, most));
      const h = Math.round(w / ratio);
      left.value = Math.round(within(x, 0, wide - w));
      top.value = Math.round(within(y, 0, high - h));
      across.value = zoom.value = w;
      draw(h);
    }

    function draw(h) {
      const [x, y, w] = [left, top, across].map((one) => Number(one.value));
      for (const box of shape.querySelectorAll(".frame, .rim")) {
        for (const [name, value] of Object.entries({ x, y, width: w, height: h })) box.setAttribute(name, value);
      }
      shape.querySelector(".shade").setAttribute("d", `M0 0H${wide}V${high}H0ZM${x} ${y}h${w}v${h}h-${w}Z`);
      for (const look of looks) {
        const scale = ratio / w;
        for (const [name, value] of Object.entries({ x: -x * scale, y: -y / h, width: wide * scale, height: high / h })) look.setAttribute(name, value);
      }
    }

    // About its middle, so that what is looked at stays where it is.
    function sized(width) {
      const before = Number(across.value);
      const w = within(width, fewest, most);
      put(Number(left.value) + (before - w) / 2, Number(top.value) + (before - w) / ratio / 2, w);
    }

    const moved = (dx, dy) => put(Number(left.value) + dx, Number(top.value) + dy, Number(across.value));

    frame.addEventListener("pointerdown", (event) => {
      held = { x: event.clientX, y: event.clientY, left: Number(left.value), top: Number(top.value) };
      frame.setPointerCapture(event.pointerId);
      frame.focus();
    });
    frame.addEventListener("pointermove", (event) => {
      if (!held) return;
      const scale = stage.getScreenCTM().a;
      put(held.left + (event.clientX - held.x) / scale, held.top + (event.clientY - held.y) / scale, Number(across.value));
    });
    for (const name of ["pointerup", "pointercancel"]) frame.addEventListener(name, () => { held = null; });
    stage.addEventListener("wheel", (event) => {
      if (document.activeElement !== frame) return; // the page scrolls until the frame is chosen
      event.preventDefault();
      sized(Number(across.value) * (event.deltaY < 0 ? 0.96 : 1.04));
    }, { passive: false });
    frame.addEventListener("keydown", (event) => {
      const step = event.shiftKey ? 10 : 1;
      const ways = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
      if (ways[event.key]) moved(...ways[event.key]);
      else if (["+", "="].includes(event.key)) sized(Number(across.value) + 10);
      else if (["-", "_"].includes(event.key)) sized(Number(across.value) - 10);
      else return;
      event.preventDefault();
    });
    zoom.addEventListener("input", () => sized(Number(zoom.value)));
    for (const one of [left, top, across]) {
      one.addEventListener("change", () => put(Number(left.value), Number(top.value), Number(across.value)));
    }
  }
})();
