// 日历: dragging a tile to another day or hour asks first, in a dialog that the server fills; nothing moves before that.
// Also: the arrow keys between the days of a month, menus that close, and the button that prints.
"use strict";
(() => {
  const calendar = document.querySelector("#calendar");
  const dialog = document.querySelector("#move");
  const says = document.querySelector("#calendar-says");
  let dragged = null;
  let quiet = 0;

  function say(text) {
    if (!says) return;
    says.textContent = text;
    clearTimeout(quiet);
    quiet = setTimeout(() => { says.textContent = ""; }, 8000);
  }

  // --- asking first ---------------------------------------------------------------------------------

  async function ask(address) {
    const body = document.querySelector("#move-body");
    body.textContent = "";
    try {
      await window.htmx.ajax("GET", address, { target: body, swap: "innerHTML" });
    } catch {
      body.textContent = "";
    }
    if (!body.querySelector("#move-form")) {
      location.assign(address); // the login, or a page that says why not
      return;
    }
    dialog.showModal();
  }

  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target.closest("[data-moving]");
    if (link && dialog) {
      event.preventDefault();
      closeMenus(null);
      ask(link.href);
    }
    if (event.target.closest("[data-close]") && dialog?.open) {
      event.preventDefault();
      dialog.close();
    }
    if (!event.target.closest(".menu")) closeMenus(null);
  });

  // --- dragging -------------------------------------------------------------------------------------

  const cellOf = (event) => dragged && event.target.closest("td[data-day]");

  function mark(cell) {
    for (const each of document.querySelectorAll(".over")) if (each !== cell) each.classList.remove("over");
    cell?.classList.add("over");
  }

  // The time of day is kept; where it lies outside the hours of the cell, its minutes are.
  function landing(cell) {
    const [hour, ...rest] = dragged.dataset.time.split(":");
    const { first, end, landing: other } = cell.dataset;
    const within = first === undefined || (Number(hour) >= Number(first) && Number(hour) < Number(end));
    return [within ? hour : other.padStart(2, "0"), ...rest].join(":");
  }

  function finish() {
    mark(null);
    dragged?.classList.remove("dragging");
    dragged = null;
    calendar?.setAttribute("data-part", "");
  }

  if (calendar && dialog) {
    calendar.addEventListener("dragstart", (event) => {
      const tile = event.target.closest?.(".tile");
      if (!tile) return;
      if (tile.dataset.fixed) {
        event.preventDefault();
        say(tile.dataset.fixed);
        return;
      }
      dragged = tile;
      closeMenus(null);
      calendar.removeAttribute("data-part"); // nothing is replaced under the hand that drags
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", tile.querySelector(".tile-title").title);
      tile.classList.add("dragging");
    });
    calendar.addEventListener("dragover", (event) => {
      const cell = cellOf(event);
      if (!cell) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "move";
      mark(cell);
    });
    calendar.addEventListener("drop", (event) => {
      const cell = cellOf(event);
      if (!cell) return;
      event.preventDefault();
      const { move, day, time } = dragged.dataset;
      const at = landing(cell);
      const stays = cell.dataset.day === day && at === time;
      const query = new URLSearchParams({ at: `${cell.dataset.day}T${at}`, back: location.pathname + location.search });
      finish();
      if (!stays) ask(`${move}?${query}`);
    });
    calendar.addEventListener("dragend", finish);
  }

  // --- keys, menus, paper ---------------------------------------------------------------------------

  const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

  calendar?.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step || !event.target.matches(".month .day-number")) return;
    const days = [...calendar.querySelectorAll(".month .day-number")];
    const next = days[days.indexOf(event.target) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });

  function closeMenus(but) {
    for (const menu of document.querySelectorAll(".menu[open]")) if (menu !== but) menu.open = false;
  }

  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.(".menu") && event.target.open) closeMenus(event.target);
  }, true);
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector(".menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  const print = document.querySelector("[data-print]");
  if (print) {
    print.hidden = false;
    print.addEventListener("click", () => window.print());
  }
})();
