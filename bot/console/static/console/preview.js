// 深色模式: the phones are asked for again in the other dress.
"use strict";
document.querySelector("[data-dark]")?.addEventListener("click", (event) => {
  const dark = event.currentTarget.getAttribute("aria-pressed") !== "true";
  event.currentTarget.setAttribute("aria-pressed", String(dark));
  for (const frame of document.querySelectorAll(".glass iframe")) {
    const address = new URL(frame.src || frame.dataset.src, location.href);
    if (dark) address.searchParams.set("dark", "1");
    else address.searchParams.delete("dark");
    if (frame.src) frame.src = address.href;
    else frame.dataset.src = address.href;
  }
});
