// Files dropped on the zone go into its own field, which sends them; without this script the field and its button do.
"use strict";
(() => {
  const zone = (event) => event.target.closest?.("[data-drop-files]");
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      const found = zone(event);
      if (found) { event.preventDefault(); found.classList.add("over"); }
    });
  }
  document.addEventListener("dragleave", (event) => zone(event)?.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    const found = zone(event);
    if (!found) return;
    event.preventDefault();
    found.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    const field = found.querySelector("input[type=file]");
    field.files = event.dataTransfer.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
})();
