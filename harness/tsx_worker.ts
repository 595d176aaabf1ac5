/** Worker threads that run TypeScript. */
import { Worker } from "node:worker_threads";

/** Loads `url` on a thread. A worker of Node 20 does not inherit tsx's hooks, so it registers them itself first. */
export function tsxWorker(url: string, workerData: unknown): Worker {
  const boot = `import(${JSON.stringify(import.meta.resolve("tsx/esm/api"))})
      .then((tsx) => { tsx.register(); return import(${JSON.stringify(url)}); });`;
  return new Worker(boot, { eval: true, workerData });
}
