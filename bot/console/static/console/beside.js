// The phones beside the editor: asked for when they are unfolded, and anew after each autosave, without a flicker.
"use strict";
(() => {
  const box = document.getElementById("phones");
  const frames = () => box.querySelectorAll(".glass iframe:first-child");
  const KEY = "tongfa-phones";
  let stale = true;

  // The new screen comes up behind the old one and takes its place, scrolled as far, when it is drawn.
  function renew(old) {
    const address = new URL(old.src || old.dataset.src, location.href);
    if (!old.src) { old.src = address.href; return; }
    for (const waiting of old.parentNode.querySelectorAll("iframe + iframe")) waiting.remove();
    const next = old.cloneNode(false);
    next.removeAttribute("loading"); // it is not seen yet, and would never be asked for
    next.src = address.href;
    next.addEventListener("load", () => {
      const from = old.contentDocument?.querySelector("main");
      const to = next.contentDocument?.querySelector("main");
      if (from && to) to.scrollTop = from.scrollTop;
      old.remove();
    }, { once: true });
    old.after(next);
  }

  function draw() {
    if (!box.open || !stale) return;
    stale = false;
    frames().forEach(renew);
  }

  box.addEventListener("toggle", () => {
    localStorage.setItem(KEY, box.open ? "1" : "");
    draw();
  });
  document.getElementById("writing").addEventListener("draft:kept", () => { stale = true; draw(); });
  if (localStorage.getItem(KEY)) box.open = true;
})();
