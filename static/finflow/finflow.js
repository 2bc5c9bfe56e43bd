/* What pages do beyond HTML and htmx: keys, dialogs, announcements. Every page works without it.
   Attributes it looks for:
     data-list            on a list; its data-item elements are walked with j and k
     data-item            on a row or entry; a click on it opens its .row-link or first link
     data-key="a"         on a button or link: pressed by that key, in the current item first
     data-dialog          on a link to #id of a <dialog>: opens it as a modal without a new address;
                          an address that ends in #id opens it too
     data-close           inside a dialog: closes it
     data-open            on a dialog that came back with errors: opens at once
     data-focus           takes the focus when it appears (error summaries)                       */
(() => {
  "use strict";

  const all = (selector) => [...document.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);

  // --- Saying something to people who do not see it -------------------------------------------

  function announce(text) {
    const region = byId("announcer");
    if (!region) return;
    region.textContent = "";
    // A moment later, so that the same sentence is read again.
    setTimeout(() => { region.textContent = text; }, 50);
  }

  /** Show a message at the top of the page; server messages come as HTML, this is for no answer. */
  function complain(text) {
    const messages = byId("messages");
    if (!messages) return;
    const box = document.createElement("div");
    box.className = "notice notice--bad";
    box.textContent = text;
    messages.replaceChildren(box);
    messages.scrollIntoView({ block: "nearest" });
  }

  // --- Dialogs ---------------------------------------------------------------------------------

  function openDialog(dialog) {
    if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
  }

  /** Open the dialog that the address names, as in a link from a list to /breaks/7/#accept. */
  function openNamed() {
    openDialog(byId(location.hash.slice(1)));
  }

  function onClick(event) {
    const opener = event.target.closest("a[data-dialog]");
    if (opener) {
      event.preventDefault();
      openDialog(byId(opener.hash.slice(1)));
      return;
    }
    const closer = event.target.closest("[data-close]");
    const dialog = closer && closer.closest("dialog[open]");
    if (dialog) {
      event.preventDefault();
      dialog.close();
      return;
    }
    openItem(event);
  }

  // --- Lists -----------------------------------------------------------------------------------

  const linkOf = (item) => item.querySelector(".row-link, a[href]");

  /** A click anywhere on a row opens it, unless something in it was clicked or text was selected. */
  function openItem(event) {
    const item = event.target.closest("[data-item]");
    if (!item || event.target.closest("a, button, input, select, textarea, label, summary")) return;
    if (String(getSelection()) !== "") return;
    const link = linkOf(item);
    if (link && (event.ctrlKey || event.metaKey)) window.open(link.href, "_blank", "noopener");
    else if (link) link.click();
  }

  function moveInList(step) {
    const items = all("[data-list] [data-item]").filter((item) => linkOf(item));
    if (!items.length) return;
    const here = items.findIndex((item) => item.contains(document.activeElement));
    const next = here < 0 ? (step > 0 ? 0 : items.length - 1) : here + step;
    const item = items[Math.min(Math.max(next, 0), items.length - 1)];
    linkOf(item).focus();
  }

  // --- Keys ------------------------------------------------------------------------------------

  const KEYS_OFF = "finflow.keys-off";

  function keysAreOn() {
    try { return localStorage.getItem(KEYS_OFF) === null; } catch { return true; }
  }

  function rememberKeys(event) {
    try {
      if (event.target.checked) localStorage.removeItem(KEYS_OFF);
      else localStorage.setItem(KEYS_OFF, "1");
    } catch { /* storage is forbidden here: the switch holds for this page only */ }
  }

  function press(key) {
    const item = document.activeElement.closest("[data-item]");
    const selector = `[data-key="${key}"]`;
    const control = (item && item.querySelector(selector)) || all(selector).find((found) => !found.closest("[data-item]"));
    if (control) control.click();
    return Boolean(control);
  }

  const KEYS = {
    j: () => { moveInList(1); return true; },
    k: () => { moveInList(-1); return true; },
    a: () => press("a"),
    r: () => press("r"),
    x: () => press("x"),
    "/": () => {
      const search = document.querySelector("input[type=search], input[name=q]");
      if (search) { search.focus(); search.select(); }
      return Boolean(search);
    },
    "?": () => { openDialog(byId("keys")); return true; },
  };

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input, select, textarea, [contenteditable], dialog[open], :popover-open")) return;
    if (!Object.hasOwn(KEYS, event.key) || !keysAreOn()) return;
    if (KEYS[event.key]()) event.preventDefault();
  }

  // --- Forms: sent once ------------------------------------------------------------------------

  function onSubmit(event) {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.hasAttribute("aria-busy")) { event.preventDefault(); return; }
    form.setAttribute("aria-busy", "true");
    if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
  }

  function release() {
    all("[aria-busy]").forEach((element) => element.removeAttribute("aria-busy"));
  }

  // --- htmx ------------------------------------------------------------------------------------

  document.addEventListener("htmx:configRequest", ({ detail }) => {
    const token = document.querySelector("meta[name=csrf-token]");
    if (token && detail.verb !== "get") detail.headers["X-CSRFToken"] = token.content;
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, pathInfo } = event.detail;
    // A refusal (a whole page, see refusal.html) is shown in the messages, not in the part.
    if (xhr.status >= 400 && xhr.response.includes('id="refusal"')) {
      Object.assign(event.detail, {
        shouldSwap: true, target: byId("messages"), selectOverride: "#refusal", swapOverride: "innerHTML",
      });
      return;
    }
    // The session has ended: the answer to a part is the sign-in page. Load the whole page instead.
    const answered = xhr.responseURL && new URL(xhr.responseURL).pathname;
    const asked = new URL(pathInfo.requestPath, location.href).pathname;
    if (answered && answered !== asked && /^\s*<!doctype html/i.test(xhr.response)) {
      event.preventDefault();
      location.reload();
    }
  });

  document.addEventListener("htmx:responseError", ({ detail }) => {
    if (detail.xhr.response.includes('id="refusal"')) byId("messages").scrollIntoView({ block: "nearest" });
    else complain("That did not work, and nothing has been changed. Try again.");
  });
  for (const lost of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(lost, () => complain("No answer from the server. Check your connection and try again."));
  }
  // A view says it aloud with the header HX-Trigger: {"announce": "3 breaks left"}.
  document.addEventListener("announce", ({ detail }) => announce(detail.value));
  document.addEventListener("htmx:afterRequest", release);
  document.addEventListener("htmx:afterSettle", ({ target }) => prepare(target));

  // --- Start -----------------------------------------------------------------------------------

  /** What freshly loaded HTML needs: focus for errors, dialogs that are to be open, row cursors. */
  function prepare(root) {
    const isIn = (element) => root.contains(element);
    all("dialog[data-open]").filter(isIn).forEach(openDialog);
    const [wanted] = [...all("dialog[open] [data-focus]"), ...all("[data-focus]")].filter(isIn);
    if (wanted) wanted.focus();
    all("[data-item]").forEach((item) => item.classList.toggle("is-openable", Boolean(linkOf(item))));
  }

  // Without script a dialog that is the target unfolds in the page (forms.css); with it, no more.
  document.documentElement.dataset.script = "";
  document.addEventListener("click", onClick);
  document.addEventListener("keydown", onKey);
  document.addEventListener("submit", onSubmit);
  window.addEventListener("pageshow", release);
  window.addEventListener("hashchange", openNamed);
  prepare(document);
  openNamed();
  const toggle = byId("keys-on");
  if (toggle) {
    toggle.checked = keysAreOn();
    toggle.addEventListener("change", rememberKeys);
  }
})();
