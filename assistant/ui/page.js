// Conveniences; the page works without them.
(() => {
  const chinese = (navigator.language || "").toLowerCase().startsWith("zh");
  document.documentElement.lang = chinese ? "zh-CN" : "en";

  const matches = (query) => window.matchMedia(query).matches;

  // [n] in an answer opens source n beside it.
  function showSource(id) {
    const card = document.getElementById(id);
    if (!card) return;
    for (let node = card.parentElement; node; node = node.parentElement) {
      if (node.tagName === "DETAILS") node.open = true;
    }
    card.querySelector("details").open = true;
    card.querySelector("summary").focus({ preventScroll: true });
    // On narrow screens, where the whole page scrolls, the question box covers its end.
    const block = matches("(max-width: 900px)") ? "start" : "nearest";
    card.scrollIntoView({ block, behavior: "smooth" });
    card.classList.remove("pointed-at");
    requestAnimationFrame(() => card.classList.add("pointed-at"));
  }

  function copyText(text) {
    if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea"); // without https there is no clipboard API
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    return Promise.resolve();
  }

  // Behind a proxy with a wrong root path, the page opens but its requests go astray.
  async function checkRootPath() {
    const { root, api_prefix: prefix, app_id: id } = window.gradio_config;
    const pathOf = (address) => new URL(address, location.href).pathname.replace(/\/+$/, "");
    const [page, set] = [pathOf(""), pathOf(root)];
    const app = (path) => fetch(`${path}${prefix}/app_id`).then((answer) => answer.json());
    const reached = page === set || (await app(set).catch(() => ({}))).app_id === id;
    if (reached) return;
    const notice = document.createElement("div");
    notice.id = "notice";
    notice.setAttribute("role", "alert");
    notice.innerHTML = document.getElementById("wrong-root-path").textContent;
    for (const words of notice.children) {
      words.textContent = words.textContent.replaceAll("{page}", page).replaceAll("{root}", set);
    }
    document.body.prepend(notice);
    const report = `${page}${prefix}/app_id?page_path=${encodeURIComponent(page)}`;
    fetch(report).catch(() => {}); // the server logs it
  }
  if (window.gradio_config) checkRootPath();

  document.addEventListener("click", (event) => {
    const cite = event.target.closest("a.cite");
    if (cite) {
      event.preventDefault();
      showSource(cite.getAttribute("href").slice(1));
    }
    // These disappear when used, so focus moves to the box; not on phones, where a keyboard opens.
    if (event.target.closest("#send, #stop, #chat .example") && matches("(hover: hover)")) {
      document.querySelector("#box textarea").focus({ preventScroll: true });
    }
    const copy = event.target.closest("button.copy-code");
    if (copy) {
      const code = copy.closest(".code").querySelector("pre").textContent;
      copyText(code).then(() => {
        copy.classList.add("copied");
        setTimeout(() => copy.classList.remove("copied"), 1500);
      });
    }
  });
})();
