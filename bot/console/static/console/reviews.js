// The inbox by keyboard, and copying a link. Everything here can be done without it too.
"use strict";
(() => {
  const SWITCH = "tongfa-inbox-keys";
  const dialog = document.getElementById("keys");
  const byId = (id) => document.getElementById(id);

  function stored() {
    try { return localStorage.getItem(SWITCH) !== "off"; } catch { return true; }
  }

  function store(on) {
    try { localStorage.setItem(SWITCH, on ? "on" : "off"); } catch { /* a private window forgets it */ }
  }

  function focus(element) {
    element?.scrollIntoView({ block: "nearest" });
    element?.focus();
  }

  function move(step) {
    const items = [...document.querySelectorAll("[data-item]")];
    const open = items.findIndex((each) => each.hasAttribute("aria-current"));
    const at = items.includes(document.activeElement) ? items.indexOf(document.activeElement) : open;
    const next = items[at < 0 ? (step > 0 ? 0 : items.length - 1) : at + step];
    if (!next) return;
    if (open >= 0) next.click();
    else focus(next);
  }

  function openChannel() {
    const button = document.querySelector("[data-unopened]");
    if (!button) return;
    focus(button);
    button.click();
  }

  function toPass() {
    const pass = byId("pass");
    byId("return")?.removeAttribute("open");
    focus(pass?.disabled ? document.querySelector("[data-unopened]") : pass);
  }

  function toReturn() {
    const box = byId("return");
    if (!box) return;
    box.open = true;
    focus(box.querySelector("input[type=checkbox], textarea"));
  }

  const KEYS = {
    j: () => move(1), k: () => move(-1), o: openChannel, a: toPass, r: toReturn, "?": () => dialog.showModal(),
  };

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || dialog.open || !byId("keys-on").checked) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select")) return;
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  if (dialog) {
    const toggle = byId("keys-on");
    toggle.checked = stored();
    toggle.addEventListener("change", () => store(toggle.checked));
    document.addEventListener("keydown", pressed);
    for (const button of document.querySelectorAll("[data-keys-open]")) {
      button.hidden = false;
      button.addEventListener("click", () => dialog.showModal());
    }
  }

  function say(text) {
    const place = document.querySelector("[data-offline]");
    place.textContent = text;
    place.hidden = false;
  }

  // A channel that could not be opened is said; an ended session leads to the login instead of into the pane.
  for (const name of ["htmx:responseError", "htmx:sendError"]) {
    document.body.addEventListener(name, () => say("没能打开渠道稿，也没有记为已打开。请刷新后再试。"));
  }
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const answered = new URL(event.detail.xhr.responseURL || location.href).pathname;
    if (answered !== new URL(event.detail.pathInfo.requestPath, location.href).pathname) {
      event.detail.shouldSwap = false;
      location.reload();
    }
  });

  for (const button of document.querySelectorAll("[data-copy]")) {
    const field = byId(button.dataset.copy);
    button.hidden = false;
    button.addEventListener("click", async () => {
      field.select();
      let said = "已复制，可以发给本人了。";
      try { await navigator.clipboard.writeText(field.value); } catch { said = "没能自动复制，链接已选中，请按 Ctrl+C。"; }
      document.querySelector("[data-copied]").textContent = said;
    });
  }
})();
