// A press that sends a form says at once that it is at work, and a second press meanwhile sends nothing.
"use strict";
(() => {
  const LONGEST = 30000; // where no page follows after all, it can be pressed again
  const sending = new Map();

  function rest(form) {
    sending.get(form)?.removeAttribute("aria-busy");
    sending.delete(form);
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.getAttribute("method") !== "post" || "stays" in form.dataset) return; // `stays`: a file comes, and no page
    if (sending.has(form)) {
      event.preventDefault();
      return;
    }
    setTimeout(() => { // by then it is known whether a script has taken it over
      if (event.defaultPrevented || !event.submitter) return;
      sending.set(form, event.submitter);
      event.submitter.setAttribute("aria-busy", "true");
      setTimeout(() => rest(form), LONGEST);
    });
  });
  window.addEventListener("pageshow", (event) => { if (event.persisted) [...sending.keys()].forEach(rest); });
})();
