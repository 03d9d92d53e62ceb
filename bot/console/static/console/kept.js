// What was typed into a form is not lost where sending it led back without its being done: the login had ended, somebody was
// quicker, a field was refused. It stays in this tab alone, until a form is sent that was taken, or the tab is closed. Never
// passwords, files, or what the page itself put into a form. The editor has its own way.
"use strict";
(() => {
  const KEY = "tongfa-typed";
  const TYPED = "input:not([type=hidden]):not([type=password]):not([type=file]):not([type=submit]), textarea, select";
  const who = document.body.dataset.who;
  const fields = (form) => [...form.elements].filter((one) => one.name && one.matches(TYPED) && !one.autocomplete.includes("one-time"));
  const address = (form) => new URL(form.getAttribute("action") || location.href, location.href).pathname;

  function store(entry) {
    try {
      if (entry) sessionStorage.setItem(KEY, JSON.stringify(entry));
      else sessionStorage.removeItem(KEY);
    } catch { /* a private window forgets it */ }
  }

  function stored() {
    try { return JSON.parse(sessionStorage.getItem(KEY) || "null"); } catch { return null; }
  }

  function keep(event) {
    const form = event.target;
    if (form.method !== "post" || form.id === "writing" || event.defaultPrevented) return;
    const values = fields(form).map((one) => [one.name, one.value, Boolean(one.checked)]);
    if (values.length) store({ who, action: address(form), values });
  }

  function isChoice(one) { return one.type === "checkbox" || one.type === "radio"; }

  // Fields come back in their order, and only into those that the page has left as it makes them.
  function bring(form, values) {
    const left = [...values];
    for (const one of fields(form)) {
      const at = left.findIndex(([name, value]) => name === one.name && (!isChoice(one) || value === one.value));
      if (at < 0) continue;
      const [[, value, checked]] = left.splice(at, 1);
      if (isChoice(one) ? one.checked === checked : one.value === value) continue;
      if (isChoice(one)) one.checked = checked; else one.value = value;
      one.closest("details")?.setAttribute("open", "");
      one.dispatchEvent(new Event("input", { bubbles: true }));
      one.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }

  function fits(form, entry) {
    const names = fields(form).map((one) => one.name);
    return address(form) === entry.action && entry.values.every(([name]) => names.includes(name));
  }

  // The page has no such form any more: what was written can still be copied.
  function show(after, values) {
    const written = values.map(([, value]) => value).filter((value) => value.length > 5 && /\s|[\u3400-\u9fff]/u.test(value));
    if (!written.length) return;
    const box = document.createElement("div");
    box.className = "flash flash-warning";
    const words = document.createElement("p");
    words.textContent = "您刚才写的没有提交，这一页上已没有那张表。需要的请从这里复制：";
    const text = document.createElement("pre");
    text.textContent = written.join("\n");
    box.append(words, text);
    after.after(box);
  }

  const entry = stored();
  const asked = document.querySelector("[name=stepup-password]"); // between the press and the act: it goes on from here
  if (entry && who && !asked) {
    const taken = document.querySelector(".flash-success");
    const refused = !taken && document.querySelector(".flash-error, [role=alert].text-bad");
    const mine = refused && entry.who === who;
    const form = mine && [...document.forms].find((one) => fits(one, entry));
    if (form) bring(form, entry.values);
    else store(null);
    if (mine && !form) show(refused, entry.values);
  }
  document.addEventListener("submit", keep);
})();
