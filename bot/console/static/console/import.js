// Files dropped anywhere on the zone go into the form's own field; without this script the field alone does.
"use strict";
(() => {
  const zone = document.querySelector("[data-drop]");
  const field = zone.querySelector("input[type=file]");
  const chosen = zone.querySelector("[data-chosen]");
  const say = () => { chosen.textContent = [...field.files].map((file) => file.name).join("、"); };
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("over"); });
  }
  for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) { field.files = event.dataTransfer.files; say(); }
  });
  field.addEventListener("change", say);
})();
