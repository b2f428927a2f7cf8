import type { SmtpSession } from "#smtp/client";

/** How long a session waits for another message, and how many it carries; kind to servers that count either. */
const idleMs = 5_000;
const maxSends = 100;
/** Idle sessions kept, in all and to one place. */
const maxIdle = 200;
const maxIdleHere = 20;

type Idle = { readonly key: string; readonly session: SmtpSession; readonly timer: NodeJS.Timeout };

/** Sessions at rest, by place. A session is either here or with one delivery. */
export class SessionPool {
  /** In order of coming; the newest is taken first. */
  #idle: Idle[] = [];
  readonly #idleMs: number;
  #isClosed = false;

  constructor(waitMs = idleMs) {
    this.#idleMs = waitMs;
  }

  /** A session to that place that is still good; null if there is none. The taker gives it back or ends it. */
  take(key: string): SmtpSession | null {
    for (let i = this.#idle.length - 1; i >= 0; i--) {
      const idle = this.#idle[i]!;
      if (idle.key !== key) continue;
      this.#remove(idle);
      if (idle.session.isReusable) return idle.session;
      idle.session.destroy();
    }
    return null;
  }

  /** Keeps a session for the next message, or ends it when it is spent or there are too many. */
  give(key: string, session: SmtpSession): void {
    const here = this.#idle.filter((idle) => idle.key === key).length;
    const full = this.#idle.length >= maxIdle || here >= maxIdleHere;
    if (this.#isClosed || full || !session.isReusable || session.sends >= maxSends) {
      session.quit();
      return;
    }
    const timer = setTimeout(() => {
      this.#remove(idle);
      session.quit();
    }, this.#idleMs);
    const idle = { key, session, timer };
    this.#idle.push(idle);
  }

  /** Ends all idle sessions; those given back later end at once. */
  close(): void {
    this.#isClosed = true;
    for (const { session, timer } of this.#idle) {
      clearTimeout(timer);
      session.quit();
    }
    this.#idle = [];
  }

  #remove(idle: Idle): void {
    clearTimeout(idle.timer);
    this.#idle = this.#idle.filter((each) => each !== idle);
  }
}
