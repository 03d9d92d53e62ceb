// "复制": puts the text of the named field on the clipboard and says so; where the browser refuses, the text is selected.
"use strict";
(() => {
  async function copy(button) {
    const field = document.getElementById(button.dataset.copy);
    const said = document.getElementById(button.dataset.said);
    try {
      await navigator.clipboard.writeText(field.value);
      said.textContent = "已复制";
    } catch {
      field.focus();
      field.select();
      said.textContent = "浏览器不允许自动复制：文字已选中，请按 Ctrl+C";
    }
  }
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
})();
