// 编制发布单: adding, moving and taking out documents, choosing a time with one press, dragging. Without scripts the same buttons
// send the form. The form asks for its parts itself: a button may be gone when the answer comes.
"use strict";
(() => {
  const form = document.getElementById("compose");
  if (!form) return;
  const changed = () => form.dispatchEvent(new Event("change", { bubbles: true }));

  // A pressed button may be gone or shut when the answer comes: the focus then goes to the nearest thing of its kind, and not to
  // the top of the page. What is pressed meanwhile ends that: nobody's focus is taken from where it has gone.
  let heirs = [];
  function heirsOf(step) {
    const [what, name] = step.value.split(/:(.*)/s);
    const alike = [...document.querySelectorAll(`button[name=do][value^="${what}:"]`)];
    const rest = alike.slice(alike.indexOf(step) + 1).map((one) => one.value);
    const next = { up: [`down:${name}`], down: [`up:${name}`], at: [] }[what] ?? rest;
    const last = { add: "#found", at: "#date" }[what] ?? "#chosen h2";
    return [...[step.value, ...next].map((value) => `button[name=do][value="${CSS.escape(value)}"]:enabled`), last];
  }
  for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, () => { heirs = []; }, true);
  document.addEventListener("htmx:afterSettle", () => {
    if (document.activeElement !== document.body) return;
    heirs.map((one) => document.querySelector(one)).find(Boolean)?.focus();
  });

  document.addEventListener("click", (event) => {
    const step = event.target.closest("button[name=do]");
    if (!step || step.form !== form || !/^(add|remove|up|down):/.test(step.value) || !window.htmx) return;
    event.preventDefault();
    heirs = heirsOf(step);
    const values = { do: step.value };
    window.htmx.ajax("POST", form.getAttribute("hx-post"), { source: form, target: "#chosen", swap: "innerHTML", values });
  });

  form.addEventListener("click", (event) => {
    const pick = event.target.closest("[data-pick]");
    if (!pick) return;
    event.preventDefault();
    heirs = heirsOf(pick);
    const [day, time] = pick.dataset.pick.split(" ");
    form.elements.date.value = day;
    form.elements.time.value = time;
    changed();
  });

  let moving = null;
  const rowOf = (event) => event.target.closest?.(".chosen li[draggable]");
  form.addEventListener("dragstart", (event) => {
    moving = rowOf(event);
    moving?.classList.add("moving");
    event.dataTransfer?.setData("text/plain", "");
  });
  form.addEventListener("dragover", (event) => {
    const over = rowOf(event);
    if (!moving || !over) return;
    event.preventDefault();
    if (over === moving) return;
    const box = over.getBoundingClientRect();
    over.parentNode.insertBefore(moving, event.clientY < box.top + box.height / 2 ? over : over.nextSibling);
  });
  form.addEventListener("drop", (event) => event.preventDefault());
  form.addEventListener("dragend", () => {
    if (!moving) return;
    moving.classList.remove("moving");
    moving = null;
    changed();
  });
})();
