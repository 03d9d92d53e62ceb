// 深色模式: an embedded page follows the colour scheme of the frame it stands in.
"use strict";
document.querySelector("[data-dark]")?.addEventListener("click", (event) => {
  const dark = document.body.classList.toggle("dark-phones");
  event.currentTarget.setAttribute("aria-pressed", String(dark));
});
