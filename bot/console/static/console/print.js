// The print button of a page made for paper; without scripts the browser's own menu prints it.
"use strict";
(() => {
  const print = document.querySelector("[data-print]");
  if (!print) return;
  print.hidden = false;
  print.addEventListener("click", () => window.print());
})();
