// Where the navigation is wider than the screen (a phone): its current tab is brought into view.
"use strict";
(() => {
  const nav = document.querySelector(".top nav");
  const current = nav && nav.querySelector("[aria-current]");
  if (!current || nav.scrollWidth <= nav.clientWidth) return;
  const [strip, tab] = [nav.getBoundingClientRect(), current.getBoundingClientRect()];
  // by its own scroll alone, to the middle: the page stays where it is
  nav.scrollLeft += tab.left + tab.width / 2 - (strip.left + strip.width / 2);
})();
