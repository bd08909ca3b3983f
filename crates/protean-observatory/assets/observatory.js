// Keeps a live page up to date: takes the HTML of each snapshot and changes what differs.
"use strict";

(() => {
  // On a narrow screen the navigation scrolls.
  const here = document.querySelector(".bar nav [aria-current]");
  if (here) here.scrollIntoView({ block: "nearest", inline: "center" });

  const live = document.getElementById("live");
  const shown = document.getElementById("connection");
  if (!live || !shown) return;

  // How long after a snapshot the page says that it has heard nothing more.
  const silence = 5000;
  // How long until it tries again after the stream has ended.
  const retry = 1000;

  const words = {
    connecting: "connecting",
    live: "live",
    paused: "paused",
    lost: "no connection",
  };
  let source = null;
  let timer = null;

  const tell = (state) => {
    if (shown.dataset.connection === state) return;
    shown.dataset.connection = state;
    shown.textContent = words[state];
  };

  const close = () => {
    clearTimeout(timer);
    if (source) source.close();
    source = null;
  };

  const lose = () => {
    close();
    tell("lost");
    timer = setTimeout(open, retry);
  };

  const open = () => {
    close();
    if (document.hidden) return tell("paused");
    if (shown.dataset.connection !== "lost") tell("connecting");
    source = new EventSource(live.dataset.stream);
    timer = setTimeout(lose, silence);
    source.addEventListener("snapshot", (event) => {
      clearTimeout(timer);
      timer = setTimeout(lose, silence);
      tell("live");
      const next = new DOMParser().parseFromString(event.data, "text/html").body;
      children(live, next);
    });
    source.addEventListener("error", lose);
  };

  // Makes one element like another, in place: what has the focus keeps it.
  const element = (from, to) => {
    for (const { name } of [...from.attributes]) {
      if (!to.hasAttribute(name)) from.removeAttribute(name);
    }
    for (const { name, value } of [...to.attributes]) {
      if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
    children(from, to);
  };

  // A node can become another one of its name, unless they have different ids.
  const alike = (one, other) => one.nodeName === other.nodeName && one.id === other.id;

  // How many nodes of two lists can be kept from each pair of places on, in their order.
  const keeps = (old, fresh) => {
    const most = Array.from({ length: old.length + 1 }, () => Array(fresh.length + 1).fill(0));
    for (let i = old.length - 1; i >= 0; i--) {
      for (let j = fresh.length - 1; j >= 0; j--) {
        most[i][j] = alike(old[i], fresh[j])
          ? most[i + 1][j + 1] + 1
          : Math.max(most[i + 1][j], most[i][j + 1]);
      }
    }
    return most;
  };

  // A notice that comes or goes must not shift what follows it: that would lose the focus.
  const children = (from, to) => {
    const old = [...from.childNodes];
    const fresh = [...to.childNodes];
    const most = keeps(old, fresh);
    let i = 0;
    for (let j = 0; j < fresh.length; j++) {
      const node = fresh[j];
      while (i < old.length && !alike(old[i], node) && most[i + 1][j] >= most[i][j + 1]) {
        old[i++].remove();
      }
      if (i === old.length || !alike(old[i], node)) {
        from.insertBefore(document.importNode(node, true), old[i] ?? null);
        continue;
      }
      const before = old[i++];
      if (node.nodeType === Node.ELEMENT_NODE) {
        element(before, node);
      } else if (before.nodeValue !== node.nodeValue) {
        before.nodeValue = node.nodeValue;
      }
    }
    old.slice(i).forEach((node) => node.remove());
  };

  document.addEventListener("visibilitychange", open);
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) open();
  });
  open();
})();
