// Copies a field to the clipboard, with its formatting where it has some; works without a secure context, too.
"use strict";
(() => {
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const field = document.getElementById(button.dataset.copy);
    const told = document.getElementById(button.dataset.told);
    if (!field) return;
    const fill = (copied) => {
      copied.clipboardData.setData("text/plain", field.value);
      if (field.dataset.html !== undefined) copied.clipboardData.setData("text/html", field.value);
      copied.preventDefault();
    };
    document.addEventListener("copy", fill, { once: true });
    field.focus({ preventScroll: true });
    field.select();
    const done = document.execCommand("copy");
    document.removeEventListener("copy", fill);
    button.focus({ preventScroll: true });
    if (told) told.textContent = done ? `已复制：${button.dataset.what}` : "没有复制成功，请选中文字后手工复制。";
  });
})();
