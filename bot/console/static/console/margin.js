// Beside the text: to the words that a finding is about, its better words in their place, and a finding let pass.
"use strict";
(() => {
  const form = document.getElementById("writing");
  const margin = document.getElementById("margin");
  const waiving = document.getElementById("waiving");
  const said = form.querySelector("[data-saved]");
  const body = form.querySelector("[data-body]");

  function nth(text, words, before) {
    let at = text.indexOf(words);
    for (; before > 0 && at >= 0; before -= 1) at = text.indexOf(words, at + words.length);
    return at >= 0 ? at : text.lastIndexOf(words);
  }

  // The checks read a raised 4 as ⁴, and what has no such character as ^(…); in the text it is a mark around a plain one.
  const flat = (text) => text.replace(/[⁰¹²³⁴-⁹⁺⁻⁼⁽⁾ⁿⁱ₀-₎]/g, (one) => one.normalize("NFKC")).replace(/[−–]/g, "-");
  const bare = (words) => flat(words.replace(/[\^_]\(([^()]*)\)/g, "$1"));

  // The words as a range over the body's text, whatever marks lie between them.
  function inBody(words, before) {
    const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
    const pieces = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) pieces.push(node);
    const text = pieces.map((one) => one.data).join("");
    const asIs = nth(text, words, before);
    if (asIs < 0) words = bare(words);
    const at = asIs < 0 ? nth(flat(text), words, before) : asIs;
    if (at < 0) return false;
    const range = document.createRange();
    const end = at + words.length;
    let passed = 0;
    for (const one of pieces) {
      if (at >= passed && at < passed + one.length) range.setStart(one, at - passed);
      if (end > passed && end <= passed + one.length) { range.setEnd(one, end - passed); break; }
      passed += one.length;
    }
    body.focus({ preventScroll: true });
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    range.startContainer.parentElement.scrollIntoView({ block: "center" });
    return true;
  }

  function inField(field, words, before) {
    const at = nth(field.value, words, before);
    field.focus();
    field.scrollIntoView({ block: "center" });
    if (at < 0) return false;
    if (field.matches("textarea, input:not([type=date])")) field.setSelectionRange(at, at + words.length);
    return true;
  }

  function found(data) {
    if (data.find === "body_html") {
      if (data.words) return inBody(data.words, Number(data.before));
      body.focus();
      return true;
    }
    const field = form.elements[data.find];
    const folded = field.closest("details");
    if (folded) folded.open = true;
    return inField(field, data.words, Number(data.before));
  }

  function replaced(data) {
    if (data.find === "body_html") { document.execCommand("insertText", false, data.instead); return; }
    const field = form.elements[data.find];
    field.setRangeText(data.instead, field.selectionStart, field.selectionEnd, "select");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  margin.addEventListener("click", (event) => {
    const button = event.target.closest("[data-find]");
    if (!button) return;
    if (!found(button.dataset)) {
      said.textContent = `没有找到“${button.dataset.words}”，可能已经改过。没有替换任何文字。`;
    } else if ("instead" in button.dataset) {
      replaced(button.dataset);
      button.disabled = true; // until the margin is drawn anew, with what there is to say then
    }
  });

  waiving.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.submitter;
    if (!button) return; // Enter in a field of reasons: which of them, nobody has said
    const data = new FormData(waiving);
    data.append("rule", button.value);
    try {
      const answer = await fetch(waiving.action, {
        method: "POST", body: data, headers: { "HX-Request": "true" }, redirect: "manual", signal: AbortSignal.timeout(20000),
      });
      if (answer.status === 204) {
        const field = margin.querySelector(`[data-rule="${CSS.escape(button.value)}"]`);
        if (field) field.closest("details").open = false;
        said.textContent = "已记下忽略的理由，审核人会看到。";
        form.dispatchEvent(new Event("margin:stale"));
      } else {
        said.textContent = answer.status === 409 ? await answer.text() : "没有记下，请检查网络和登录后再试。";
      }
    } catch {
      said.textContent = "没有记下，请检查网络和登录后再试。";
    }
  });
})();
