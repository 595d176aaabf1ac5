import { createCanvas, loadImage } from "canvas";
import { expect, test } from "vitest";
import { logRange, png } from "./png.ts";
import { hostileRun, modelRun, results } from "./testing.ts";

/** Share of pixels within a few steps of a colour. */
async function share(
  content: string | Uint8Array,
  [r, g, b]: readonly [number, number, number],
): Promise<number> {
  const image = await loadImage(Buffer.from(content as Uint8Array));
  const paint = createCanvas(image.width, image.height).getContext("2d");
  paint.drawImage(image, 0, 0);
  const { data } = paint.getImageData(0, 0, image.width, image.height);
  let hits = 0;
  for (let i = 0; i < data.length; i += 4)
    if (Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 12) hits++;
  return hits / (data.length / 4);
}

const [BLUE, VERMILION, WHITE] = [
  [0, 114, 178],
  [213, 94, 0],
  [255, 255, 255],
] as const;

test("pictures have their size and draw their data", async () => {
  const [growth, shares, times] = png.render(modelRun());
  expect([growth.name, shares.name, times.name]).toEqual(["growth.png", "shares.png", "times.png"]);
  const image = await loadImage(Buffer.from(growth.content as Uint8Array));
  expect([image.width, image.height]).toEqual([1200, 600]);
  expect(await share(growth.content, BLUE)).toBeGreaterThan(1e-3);
  expect(await share(growth.content, VERMILION)).toBeGreaterThan(1e-3);
  // two bars beyond the bound, the others within
  expect(await share(shares.content, VERMILION)).toBeGreaterThan(0.01);
  expect(await share(shares.content, BLUE)).toBeGreaterThan(0.03);
  expect(await share(times.content, BLUE)).toBeGreaterThan(0.05);
});

test("a run without rows and a run of non-finite numbers draw too", async () => {
  for (const f of png.render(results([]))) {
    expect(await share(f.content, BLUE)).toBe(0);
    expect(await share(f.content, WHITE)).toBeGreaterThan(0.9);
  }
  const [, shares] = png.render(hostileRun());
  expect(await share(shares.content, VERMILION)).toBeGreaterThan(0.01);
});

test("log axes hold every positive number and need none", () => {
  expect(logRange([null, 0, NaN, Infinity])).toEqual({ low: 1e-8, high: 1 });
  const { low, high } = logRange([2e-5, 0.3, null]);
  expect(low).toBeLessThanOrEqual(2e-6);
  expect(high).toBeGreaterThanOrEqual(0.3);
  expect(logRange([1e-300]).low).toBe(1e-18);
});
