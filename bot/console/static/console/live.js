// Keeps a page current without reloading it: one fetch when the server says that something changed (server-sent events),
// and now and then all the same; without events one fetch per interval. Only the parts that changed are replaced.
// Also the wall clock and the countdowns, by the server's clock: a wrong clock at a desk must not mislead.
"use strict";
(() => {
  const source = document.querySelector("[data-live]");
  const stamped = document.querySelector("[data-now]");
  const offline = document.querySelector("[data-offline]");
  const BEIJING = new Intl.DateTimeFormat("zh-CN", {
    timeZone: "Asia/Shanghai", hour12: false, hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
  const QUIET = 30000; // while events come: what is told without one (numbers, questions to the portal)
  const PAUSE = 400; // between two fetches, however often something changes
  const AGAIN = 60000; // until events are asked for again where there were none
  let skew = stamped ? Date.parse(stamped.dataset.now) - Date.now() : 0;
  let last = Date.now();
  let stopped = false;
  let failed = false; // the last fetch: the next follows at the next tick, whether or not events come

  const clock = (instant) => BEIJING.format(instant).replace(/^24/, "00");

  function left(ms) {
    const seconds = Math.max(0, Math.ceil(ms / 1000));
    const days = Math.floor(seconds / 86400);
    const parts = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
    const text = parts.map((part) => String(part).padStart(2, "0")).join(":");
    return days ? `${days} 天 ${text}` : text;
  }

  function paint() {
    const now = Date.now() + skew;
    for (const element of document.querySelectorAll("[data-until]")) {
      const ms = Date.parse(element.dataset.until) - now;
      element.textContent = ms > 0 ? left(ms) : "时刻已到";
      element.classList.toggle("near", ms < 600000);
    }
    for (const element of document.querySelectorAll("[data-clock]")) {
      const text = clock(now);
      element.textContent = element.dataset.clock === "short" ? text.slice(0, 5) : text;
    }
  }

  function tick() {
    paint();
    setTimeout(tick, 1005 - ((Date.now() + skew) % 1000));
  }

  function say(text) {
    if (offline) {
      offline.textContent = text;
      offline.hidden = !text;
    }
  }

  const FOCUSABLE = "a, button, summary, input, textarea";
  const FIELDS = "input:not([type=hidden]), textarea";
  const shown = new WeakMap();

  function replace(part, html) {
    const focused = [...part.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
    const open = [...part.querySelectorAll("details")].map((each) => each.open);
    part.innerHTML = html;
    part.querySelectorAll("details").forEach((each, place) => { each.open = open[place] ?? each.open; });
    if (focused >= 0) part.querySelectorAll(FOCUSABLE)[focused]?.focus({ preventScroll: true });
    follow(part);
  }

  // Between a press and its release nothing is taken from under the finger: the browser would make no click of it.
  let held = null;
  let passedOver = false;
  document.addEventListener("pointerdown", (event) => { held = event.target; }, true);
  function released() {
    held = null;
    if (passedOver) soon();
    passedOver = false;
  }
  for (const over of ["pointerup", "pointercancel"]) document.addEventListener(over, () => setTimeout(released), true);

  // Somebody is pressing or writing there, or has chosen something that is not sent yet.
  function begun(part) {
    if (held && part.contains(held)) return (passedOver = true);
    if (part.contains(document.activeElement) && document.activeElement.matches(FIELDS)) return true;
    return [...part.querySelectorAll(FIELDS)].some((field) =>
      field.matches("[type=radio], [type=checkbox]") ? field.checked !== field.defaultChecked : field.value !== field.defaultValue);
  }

  // By what a part is told to have changed. The token of a form is another one every time, and no change.
  const plain = (part) => `${part.hidden} ${part.innerHTML.replace(/(name="csrfmiddlewaretoken" value=")[^"]*/g, "$1")}`;

  function swap(fresh) {
    for (const part of document.querySelectorAll("[data-part]")) {
      const other = fresh.getElementById(part.id);
      if (!other || shown.get(part) === plain(other) || begun(part)) continue;
      shown.set(part, plain(other));
      part.hidden = other.hidden; // what there was nothing of comes into sight with its first line
      replace(part, other.innerHTML);
    }
    const stamp = fresh.querySelector("[data-now]");
    if (stamp) skew = Date.parse(stamp.dataset.now) - Date.now();
    paint();
  }

  function follow(part) {
    if (part.hasAttribute("data-follow")) part.scrollTop = part.scrollHeight;
  }

  async function refresh() {
    if (document.hidden || stopped) return;
    try {
      const answer = await fetch(source.dataset.live, {
        headers: { "X-Live": "1" }, redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(10000),
      });
      if (answer.type === "opaqueredirect") {
        stopped = true;
        hush();
        say("登录已过期，本页不再更新。请刷新后重新登录。");
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
      last = Date.now();
      failed = false;
      say("");
    } catch {
      failed = true;
      say(`连接中断，正在重试。以下内容停留在 ${clock(last + skew)}，可能已经变了。一直连不上的，请找系统管理员；恢复以前不要在平台后台手工补发。`);
    }
  }

  // One fetch at a time; what is asked for meanwhile is fetched after it.
  let busy = false;
  let wanted = false;
  async function soon() {
    wanted = true;
    if (busy) return;
    busy = true;
    while (wanted) {
      wanted = false;
      await refresh();
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
    busy = false;
  }

  let stream = null;
  let told = false; // events come
  let asked = -AGAIN;

  function listen() {
    if (!source.dataset.events || stream || stopped || document.hidden || performance.now() - asked < AGAIN) return;
    stream = new EventSource(source.dataset.events);
    stream.addEventListener("open", () => { told = true; soon(); });
    stream.addEventListener("changed", soon);
    stream.addEventListener("end", () => { hush(); soon(); });
    stream.addEventListener("error", () => {
      told = false;
      if (stream && stream.readyState === EventSource.CLOSED) {
        asked = performance.now();
        hush();
      }
    });
  }

  function hush() {
    stream?.close();
    stream = null;
    told = false;
  }

  for (const part of document.querySelectorAll("[data-part]")) follow(part);
  tick();
  if (source) {
    setInterval(() => {
      listen();
      if (!told || failed || Date.now() - last > QUIET) soon();
    }, Number(source.dataset.every));
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) hush(); // a browser opens six connections to one server: none for what nobody sees
      else { listen(); soon(); }
    });
    listen();
  }
})();
