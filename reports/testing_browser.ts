/** Reports in a real browser, for tests: pages from a disk, and everything that a quiet, offline page must not do. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";

export const BROWSER = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (p) => existsSync(p),
);
/** Name of a suite that needs the browser. */
export const IN_CHROMIUM =
  BROWSER === undefined
    ? "in Chromium (SKIPPED: no chromium in /usr/bin; install Debian's package chromium)"
    : "in Chromium";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: BROWSER, args: FLAGS });

/** Opens `html` from a file in `folder`; `noise` collects messages, errors and requests. */
export async function openReport(
  browser: Browser,
  folder: string,
  html: string,
  o: { readonly hash?: string; readonly scheme?: "light" | "dark" } = {},
): Promise<{ page: Page; noise: string[] }> {
  const file = join(folder, `${Math.random().toString(36).slice(2)}.html`);
  writeFileSync(file, html);
  const page = await browser.newPage({
    viewport: { width: 1300, height: 900 },
    colorScheme: o.scheme ?? "light",
  });
  const noise: string[] = [];
  page.on("console", (m) => noise.push(`console ${m.type()}: ${m.text()}`));
  page.on("pageerror", (e) => noise.push(`error: ${e.message}`));
  page.on("request", (q) => {
    if (!q.url().startsWith("file:") && q.url() !== "data:,") noise.push(`request: ${q.url()}`);
  });
  await page.goto(pathToFileURL(file).href + (o.hash ?? ""));
  await drawn(page);
  return { page, noise };
}

/** Charts are made in the frame after the page, and painted in the one after that. */
export const drawn = (page: Page): Promise<unknown> =>
  page.evaluate("new Promise((f) => requestAnimationFrame(() => requestAnimationFrame(() => f())))");

/** Share of a canvas' pixels that are not transparent. */
export const painted = (page: Page, selector: string): Promise<number> =>
  page.evaluate(`(() => {
    const c = document.querySelector(${JSON.stringify(selector)});
    const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
    let n = 0;
    for (let i = 3; i < d.length; i += 4) if (d[i] !== 0) n++;
    return n / (d.length / 4);
  })()`);
