/** `Opinions` on a worker thread: the same code, with calls as messages. */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { openCheckpoint } from "../fixtures/reader.ts";
import type { Scalars } from "../kernels/schema.ts";
import type { Tensor } from "../oracle/tensor.ts";
import type { Call, Tensors } from "./call.ts";
import type { Prompt, Unit } from "./chains.ts";
import { opsByName } from "./discover.ts";
import { InlineOpinions, type IdealUnit, type Opinions, type Outputs, type Second } from "./opinions.ts";

interface Setup {
  /** Checkpoint folder of the model. */
  readonly dir: string;
  readonly tf: string | null;
}

type Ask =
  | {
      readonly kind: "second";
      readonly op: string;
      readonly t: Call["t"];
      readonly s: Scalars;
      readonly faithful: Tensors;
    }
  | {
      readonly kind: "unit";
      readonly u: Unit;
      readonly prompt: Prompt;
      readonly x: Tensor | null | "carry";
      readonly faithful: Outputs;
    };
type Answer = { readonly id: number } & ({ readonly ok: Second | IdealUnit } | { readonly error: string });

/** The thread starts with the constructor and loads while the caller does other things. */
export class ThreadOpinions implements Opinions {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, { ok: (x: never) => void; fail: (e: Error) => void }>();
  private next = 0;
  private dead: Error | null = null;

  constructor(dir: string, tf: string | null) {
    const setup: Setup = { dir, tf };
    // a worker of Node 20 does not inherit tsx's hooks: it registers them itself, then loads this file
    const boot = `import(${JSON.stringify(import.meta.resolve("tsx/esm/api"))})
      .then((tsx) => { tsx.register(); return import(${JSON.stringify(import.meta.url)}); });`;
    this.worker = new Worker(boot, { eval: true, workerData: setup });
    this.worker.on("message", (a: Answer) => {
      const w = this.waiting.get(a.id);
      this.waiting.delete(a.id);
      if ("error" in a) w?.fail(new Error(a.error));
      else w?.ok(a.ok as never);
    });
    const die = (e: Error): void => {
      this.dead ??= e;
      for (const w of this.waiting.values()) w.fail(this.dead);
      this.waiting.clear();
    };
    this.worker.on("error", die);
    this.worker.on("exit", (code) => die(new Error(`oracle thread: expected it to stay, got exit ${code}`)));
  }

  private ask<T>(message: Ask): Promise<T> {
    if (this.dead) return Promise.reject(this.dead);
    const id = this.next++;
    return new Promise<T>((ok, fail) => {
      this.waiting.set(id, { ok, fail });
      this.worker.postMessage({ id, ask: message });
    });
  }

  second(call: Call, faithful: Tensors): Promise<Second> {
    return this.ask({ kind: "second", op: call.op.name, t: call.t, s: call.s, faithful });
  }

  idealUnit(u: Unit, prompt: Prompt, x: Tensor | null | "carry", faithful: Outputs): Promise<IdealUnit> {
    return this.ask({ kind: "unit", u, prompt, x, faithful });
  }

  async close(): Promise<void> {
    this.worker.removeAllListeners("exit");
    await this.worker.terminate();
  }
}

async function serve(port: NonNullable<typeof parentPort>, { dir, tf }: Setup): Promise<void> {
  // messages wait in the port's queue until everything is loaded
  const ops = await opsByName();
  if (tf !== null) await import("../oracle/tf/backend.ts");
  const checkpoint = openCheckpoint(dir);
  const inline = new InlineOpinions(tf, checkpoint);
  const answer = (m: Ask): Promise<Second | IdealUnit> => {
    if (m.kind === "unit") return inline.idealUnit(m.u, m.prompt, m.x, m.faithful);
    const op = ops.get(m.op);
    if (!op) throw new Error(`oracle thread: expected an op, got "${m.op}"`);
    return inline.second({ op, t: m.t, s: m.s }, m.faithful);
  };
  let tail = Promise.resolve();
  port.on("message", ({ id, ask }: { id: number; ask: Ask }) => {
    tail = tail.then(async () => {
      try {
        const ok = await answer(ask);
        const buffers = "ideal" in ok ? Object.values(ok.ideal).map((t) => t.data.buffer as ArrayBuffer) : [];
        port.postMessage({ id, ok }, [...new Set(buffers)]);
      } catch (e) {
        port.postMessage({ id, error: e instanceof Error ? e.message : String(e) });
      }
    });
  });
}

if (!isMainThread && parentPort && workerData && "dir" in (workerData as object))
  await serve(parentPort, workerData as Setup);
