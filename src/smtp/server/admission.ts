import { hostOf } from "#net";

/** Most sessions in all and from one host. */
export type AdmissionLimits = { readonly inAll: number; readonly perHost: number };

/** Whether one more session is let in. */
export type Admitted = "yes" | "full" | "host-full";

const isLoopback = (ip: string): boolean => ip.startsWith("127.") || ip === "::1";

/** Counts the sessions of a service, in all and by host. The loopback has no limit of its own: front ends and tests live there. */
export class Admission {
  readonly #byHost = new Map<string, number>();
  #inAll = 0;

  get inAll(): number {
    return this.#inAll;
  }

  /** Lets a session in and counts it, or not. What came in must `leave`. */
  enter(ip: string, limits: AdmissionLimits): Admitted {
    if (this.#inAll >= limits.inAll) return "full";
    const host = hostOf(ip);
    const sofar = this.#byHost.get(host) ?? 0;
    if (sofar >= limits.perHost && !isLoopback(ip)) return "host-full";
    this.#inAll++;
    this.#byHost.set(host, sofar + 1);
    return "yes";
  }

  leave(ip: string): void {
    const host = hostOf(ip);
    const left = (this.#byHost.get(host) ?? 1) - 1;
    this.#inAll--;
    if (left === 0) this.#byHost.delete(host);
    else this.#byHost.set(host, left);
  }
}
