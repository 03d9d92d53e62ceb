// Files dropped anywhere on the zone go into the form's own field; without this script the field alone does.
// And the report of an import as a file.
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

  // The report came with the page; the browser makes the file, with the mark by which Excel knows UTF-8.
  const button = document.querySelector("[data-download]");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const text = document.querySelector("[data-sheet]").content.textContent.replace(/\r?\n/g, "\r\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" }));
    link.download = button.dataset.download;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    document.querySelector("[data-downloaded]").textContent = "已交给浏览器下载。系统不另存，离开本页后不能再下载。";
  });
})();
