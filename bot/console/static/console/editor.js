// The body as rich text with the few forms that a post may have, kept two seconds after the last key.
"use strict";
(() => {
  const form = document.getElementById("writing");
  const body = form.querySelector("[data-body]");
  const kept = form.elements.body_html;
  const margin = document.getElementById("margin");
  const saved = form.querySelector("[data-saved]");
  const file = form.querySelector("[data-picture-file]");
  const token = form.elements.csrfmiddlewaretoken.value;
  const ALLOWED = new Set(["P", "H2", "H3", "H4", "UL", "OL", "LI", "STRONG", "EM", "SUP", "SUB", "BR", "BLOCKQUOTE", "TABLE", "CAPTION", "THEAD", "TBODY", "TR", "TH", "TD", "IMG"]);
  const RENAMED = { B: "STRONG", I: "EM", H1: "H2", H5: "H4", H6: "H4", DIV: "P", SECTION: "P", ARTICLE: "P", PRE: "P" };
  let waiting = 0;
  let stopped = false;
  let strokes = 0; // how often something was typed, so that an answer knows whether it is about the last of it
  let dirty = "unsaved" in form.dataset;
  let keeping = null; // an autosave that is under way
  let leaving = false;
  const SHELF = `tongfa-words:${form.dataset.autosave}`; // of this tab alone: text under embargo is not left on the disk
  let shelving = 0;

  // What was typed, in case the login has ended and the answer to the next press is the login page.
  function shelve() {
    const fields = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !["csrfmiddlewaretoken", "base", "revision", "over"].includes(name));
    try { sessionStorage.setItem(SHELF, JSON.stringify({ at: Date.now(), fields })); } catch { /* full or forbidden: the page still has it */ }
  }

  function offer() {
    const held = JSON.parse(sessionStorage.getItem(SHELF) ?? "null");
    const words = (html) => new DOMParser().parseFromString(html, "text/html").body.textContent.trim();
    const here = (name) => (name === "body_html" ? words(body.innerHTML) : form.elements[name].value.trim());
    const differs = held?.fields.filter(([name, value]) => form.elements[name] && (name === "body_html" ? words(value) : value.trim()) !== here(name));
    if (!differs?.length) { sessionStorage.removeItem(SHELF); return; }
    const bar = document.querySelector("[data-shelf]");
    bar.querySelector("time").textContent = new Intl.DateTimeFormat("zh-CN", { dateStyle: "short", timeStyle: "medium", hourCycle: "h23", timeZone: "Asia/Shanghai" }).format(held.at);
    bar.hidden = false;
    bar.querySelector("[data-back]").addEventListener("click", () => {
      for (const [name, value] of differs) form.elements[name].value = value;
      const html = new Map(held.fields).get("body_html");
      if (html !== undefined) {
        const box = document.createElement("div");
        clean(new DOMParser().parseFromString(html, "text/html").body, box);
        body.replaceChildren(...box.childNodes);
      }
      bar.hidden = true;
      typed();
    });
    bar.querySelector("[data-drop-words]").addEventListener("click", () => { sessionStorage.removeItem(SHELF); bar.hidden = true; });
  }

  document.execCommand("defaultParagraphSeparator", false, "p");
  document.execCommand("styleWithCSS", false, false);

  const lines = (text) => text.split("\n").flatMap((line, number) => (number ? [document.createElement("br"), line] : [line]));

  function clean(node, into) {
    for (const child of node.childNodes) {
      if (child.nodeType === Node.TEXT_NODE) into.append(...(node.closest("pre") ? lines(child.textContent) : [child.textContent]));
      if (child.nodeType !== Node.ELEMENT_NODE || ["SCRIPT", "STYLE", "HEAD", "TITLE"].includes(child.tagName)) continue;
      const name = RENAMED[child.tagName] ?? child.tagName;
      const own = child.tagName === "IMG" && new URL(child.src, location.href).pathname.startsWith("/assets/");
      if (!ALLOWED.has(name) || (name === "IMG" && !own)) { clean(child, into); continue; }
      const made = document.createElement(name);
      if (own) { made.src = new URL(child.src).pathname; made.alt = child.alt; }
      for (const span of ["colspan", "rowspan"]) if (child.hasAttribute(span)) made.setAttribute(span, child.getAttribute(span));
      clean(child, made);
      into.append(made);
    }
  }

  function pasted(event) {
    const html = event.clipboardData.getData("text/html");
    const picture = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
    if (!html && picture) { event.preventDefault(); upload(picture); return; }
    if (!html) return;
    event.preventDefault();
    const box = document.createElement("div");
    const bare = html.replace(/\sstyle\s*=\s*("[^"]*"|'[^']*')/gi, ""); // even unused, the page's policy would complain of each
    clean(new DOMParser().parseFromString(bare, "text/html").body, box);
    document.execCommand("insertHTML", false, box.innerHTML);
  }

  async function upload(picture) {
    const data = new FormData();
    data.append("picture", picture);
    saved.textContent = "正在上传图片…";
    try {
      const answer = await fetch(form.dataset.pictures, { method: "POST", body: data, headers: { "X-CSRFToken": token } });
      const told = await answer.json();
      if (!answer.ok) { saved.textContent = told.error; return; }
      body.focus();
      document.execCommand("insertHTML", false, `<img src="${told.url}" alt="">`);
      typed();
    } catch {
      saved.textContent = "图片没有上传成功，请检查网络后再试。";
    }
  }

  function typed() {
    strokes += 1;
    dirty = true;
    kept.value = body.innerHTML;
    clearTimeout(shelving);
    shelving = setTimeout(shelve, 400);
    clearTimeout(waiting);
    if (!stopped) waiting = setTimeout(keep, 2000);
  }

  // One after the other: each names the revision that the answer before it brought.
  async function keep() {
    clearTimeout(waiting);
    while (keeping) await keeping;
    if (stopped) return;
    keeping = post();
    await keeping;
    keeping = null;
  }

  async function post() {
    const upto = strokes;
    kept.value = body.innerHTML;
    saved.textContent = "正在保存草稿…";
    try {
      const answer = await fetch(form.dataset.autosave, {
        method: "POST", body: new FormData(form), headers: { "X-CSRFToken": token }, redirect: "manual",
        signal: AbortSignal.timeout(20000),
      });
      if (answer.status === 413) {
        saved.textContent = "没有保存：内容超过 2 MB。请删减，或把长的内容改作附件上传；改动后自动再存。";
        shelve();
        return;
      }
      if (answer.type === "opaqueredirect" || !answer.ok) throw new Error(String(answer.status));
      redraw(await answer.text());
      const told = margin.querySelector("[data-revision]");
      if (told) {
        form.elements.revision.value = told.dataset.revision;
        saved.textContent = `草稿自动保存于 ${told.dataset.savedAt}`;
        if (strokes === upto) { dirty = false; clearTimeout(shelving); sessionStorage.removeItem(SHELF); }
        form.dispatchEvent(new Event("draft:kept"));
      } else {
        stopped = true;
        saved.textContent = "没有保存，见右侧说明。";
      }
    } catch {
      saved.textContent = "草稿没有保存上，请检查网络和登录；15 秒后自动再试。写的字留在这个标签页里，重新登录后打开撰稿页可以放回来。";
      shelve();
      waiting = setTimeout(keep, 15000);
    }
  }

  // A reason that is being written there stays, with the cursor in it.
  function redraw(html) {
    const reasons = [...margin.querySelectorAll("[data-rule]")].filter((one) => one.closest("details").open);
    const before = new Map(reasons.map((one) => [one.dataset.rule, one.value]));
    const at = margin.contains(document.activeElement) ? document.activeElement.dataset.rule : undefined;
    margin.innerHTML = html;
    for (const one of margin.querySelectorAll("[data-rule]")) {
      if (!before.has(one.dataset.rule)) continue;
      one.value = before.get(one.dataset.rule);
      one.closest("details").open = true;
      if (one.dataset.rule === at) { one.focus(); one.setSelectionRange(one.value.length, one.value.length); }
    }
  }

  // An autosave under way first: its answer brings the revision that this page must name.
  async function submitted(event) {
    kept.value = body.innerHTML;
    clearTimeout(waiting);
    if (dirty) shelve();
    if (!keeping) { leaving = true; return; }
    event.preventDefault();
    const by = event.submitter;
    while (keeping) await keeping;
    form.requestSubmit(by);
  }

  offer();
  form.addEventListener("input", (event) => { if (!event.target.closest("#margin") && event.target.name !== "over") typed(); });
  form.addEventListener("margin:stale", keep);
  body.addEventListener("paste", pasted);
  form.addEventListener("submit", submitted);
  // Sending the form is no loss; but it lets one leave pass, not every later one: the sending may fail, and the page stay.
  window.addEventListener("beforeunload", (event) => {
    if (dirty && !leaving) event.preventDefault();
    leaving = false;
  });
  form.querySelector(".tools").addEventListener("mousedown", (event) => event.preventDefault());
  form.querySelector(".tools").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    body.focus();
    if (button.dataset.do) document.execCommand(button.dataset.do);
    if (button.dataset.block) document.execCommand("formatBlock", false, button.dataset.block);
    if ("picture" in button.dataset) file.click();
    typed();
  });
  file.addEventListener("change", () => { if (file.files[0]) upload(file.files[0]); file.value = ""; });
  setInterval(() => {
    if (!stopped) fetch(form.dataset.here, { method: "POST", headers: { "X-CSRFToken": token, "X-Live": "1" } }).catch(() => {});
  }, 20000);
})();
