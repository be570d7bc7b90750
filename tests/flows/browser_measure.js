// Measures pages in frames; every finding is a short sentence. Run by tests/flows/browser.py.

const MOST = 12;

function words(element) {
  const text = (element.textContent || "").trim().replace(/\s+/g, " ").slice(0, 40);
  const name = element.id ? "#" + element.id : element.className && element.className.baseVal === undefined ? "." + element.className : "";
  return `<${element.tagName.toLowerCase()}${name}> "${text}"`;
}

function shown(view, element) {
  const style = view.getComputedStyle(element), box = element.getBoundingClientRect();
  return style.visibility !== "hidden" && box.width > 0 && box.height > 0;
}

function tooWide(doc, out, paper) {
  const root = doc.documentElement, width = root.clientWidth;
  if (root.scrollWidth > width) out.push(`the page is ${root.scrollWidth} wide in a window of ${width}`);
  for (const element of doc.body.querySelectorAll("*:not(svg *)")) {
    if (element.matches("a.skip")) continue;
    const frame = element.closest(".scroll, .wide");
    const box = element.getBoundingClientRect();
    if ((!frame || paper) && (box.right > width + 1 || box.left < -1)) out.push(`sticks out of the page: ${words(element)}`);
    const spills = element.scrollWidth > element.clientWidth + 2 && element.clientWidth > 0;
    if (spills && !element.matches(".scroll, .wide, html, body") && !frame) out.push(`spills its box: ${words(element)}`);
    if (spills && element.matches(".scroll, .wide") && width > 1000) out.push(`must be scrolled on a wide screen: ${words(element)}`);
  }
}

function upright(element) {
  const turn = /rotate\((-?[\d.]+)/.exec(element.getAttribute("transform") || "");
  return !turn || Math.abs(parseFloat(turn[1])) % 90 < 0.01;
}

function pictures(doc, out, least) {
  const view = doc.defaultView;
  for (const svg of doc.querySelectorAll("svg")) {
    const frame = svg.getBoundingClientRect();
    const name = (svg.closest("figure") || svg).id;
    const scale = frame.width / (svg.viewBox.baseVal.width || frame.width);
    const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim() && shown(view, text));
    const boxes = texts.map((text) => text.getBoundingClientRect());
    texts.forEach((text, i) => {
      const box = boxes[i], size = parseFloat(view.getComputedStyle(text).fontSize) * scale;
      if (size < least) out.push(`${name}: letters of ${size.toFixed(1)} px, "${text.textContent.trim()}"`);
      const cut = Math.max(frame.left - box.left, box.right - frame.right, frame.top - box.top, box.bottom - frame.bottom);
      if (cut > 2) out.push(`${name}: cut off by ${cut.toFixed(0)} px, "${text.textContent.trim()}"`);
      if (!upright(text)) return;
      for (let j = i + 1; j < texts.length; j++) {
        if (!upright(texts[j])) continue;
        const other = boxes[j];
        const across = Math.min(box.right, other.right) - Math.max(box.left, other.left);
        const down = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
        const low = Math.min(box.width, box.height, other.width, other.height);
        if (across > 1.5 && down > 1.5 && Math.min(across, down) > 0.25 * low)
          out.push(`${name}: "${text.textContent.trim()}" lies on "${texts[j].textContent.trim()}"`);
      }
    });
  }
}

function alternatives(doc, out) {
  for (const image of doc.querySelectorAll("img")) if (!image.alt) out.push(`no text alternative: ${words(image)} ${image.src}`);
  for (const image of doc.querySelectorAll("[role=img]"))
    if (!(image.getAttribute("aria-label") || "").trim()) out.push(`no text alternative: ${words(image)}`);
  for (const svg of doc.querySelectorAll("svg"))
    if (svg.getAttribute("aria-hidden") !== "true" && !svg.closest("[role=img]")) out.push(`a picture without a role: ${words(svg)}`);
  let last = 0;
  for (const head of doc.querySelectorAll("h1, h2, h3, h4")) {
    const level = Number(head.tagName[1]);
    if (level > last + 1) out.push(`heading level ${level} after ${last}: ${words(head)}`);
    if (!head.textContent.trim()) out.push("an empty heading");
    last = level;
  }
}

function outside(doc, out) {
  for (const element of doc.querySelectorAll("[src], link[href], use[href], image[href], form[action]")) {
    const address = element.getAttribute("src") || element.getAttribute("href") || element.getAttribute("action");
    if (!/^(#|data:)/.test(address)) out.push(`asks for ${address}`);
  }
  for (const entry of doc.defaultView.performance.getEntriesByType("resource")) out.push(`loaded ${entry.name}`);
  if (/url\(\s*["']?(https?:)?\/\//.test([...doc.querySelectorAll("style")].map((style) => style.textContent).join())) out.push("a style asks for an address");
}

function light(colour) {
  const parts = colour.match(/[\d.]+/g).map(Number);
  const linear = parts.slice(0, 3).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return { alpha: parts.length > 3 ? parts[3] : 1, value: 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] };
}

function paperUnder(view, element) {
  for (let at = element; at; at = at.parentElement) {
    const found = light(view.getComputedStyle(at).backgroundColor);
    if (found.alpha > 0.5) return found.value;
  }
  return 1;
}

function contrast(doc, out) {
  const view = doc.defaultView;
  for (const element of doc.body.querySelectorAll("*:not(svg *)")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !shown(view, element)) continue;
    const style = view.getComputedStyle(element), size = parseFloat(style.fontSize);
    const [a, b] = [light(style.color).value, paperUnder(view, element)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < (size >= 24 || (size >= 18.6 && style.fontWeight >= 700) ? 3 : 4.5)) out.push(`contrast ${ratio.toFixed(1)}: ${words(element)}`);
    if (size < 12) out.push(`letters of ${size} px: ${words(element)}`);
  }
}

function onPaper(doc, out, height) {
  for (const sheet of doc.styleSheets)
    for (const rule of sheet.cssRules)
      if (rule instanceof doc.defaultView.CSSMediaRule) rule.media.mediaText = /print/.test(rule.media.mediaText) ? "all" : "not all";
  tooWide(doc, out, true);
  pictures(doc, out, 4.5);
  for (const figure of doc.querySelectorAll("figure, tr, .tile, .policy"))
    if (figure.getBoundingClientRect().height > height) out.push(`higher than a sheet: ${words(figure)}`);
  for (const fold of doc.querySelectorAll("details"))
    if (fold.lastElementChild.getBoundingClientRect().height === 0) out.push(`folded on paper: ${words(fold)}`);
}

function measureAll(views) {
  window.addEventListener("load", () => {
    const found = {};
    for (const [name, [width, height]] of Object.entries(views)) {
      const doc = document.getElementById("view-" + name).contentDocument;
      const out = [];
      if (name === "print") onPaper(doc, out, height);
      else {
        for (const fold of doc.querySelectorAll("details")) fold.open = true;
        tooWide(doc, out, false);
        pictures(doc, out, 6.2);
        alternatives(doc, out);
        outside(doc, out);
        contrast(doc, out);
      }
      found[name] = out.slice(0, MOST).concat(out.length > MOST ? [`and ${out.length - MOST} more`] : []);
    }
    const result = document.createElement("pre");
    result.id = "measured";
    result.textContent = JSON.stringify(found);
    document.body.append(result);
  });
}
