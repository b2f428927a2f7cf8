import type { ByteString } from "#bytes";

/** What a look-up brought (the shape of `#dns`): `no-data` is a name without such records, `no-name` NXDOMAIN. */
export type Resolved<T> =
  | { readonly kind: "found"; readonly values: readonly T[] }
  | { readonly kind: "no-data" }
  | { readonly kind: "no-name" }
  | { readonly kind: "temporary"; readonly reason: string };

/** The questions that proofs of a sender ask. Nothing throws; every trouble is `temporary`. */
export type Dns = {
  resolveTxt(name: ByteString): Promise<Resolved<ByteString>>;
  resolveIpv4(name: ByteString): Promise<Resolved<string>>;
  resolveIpv6(name: ByteString): Promise<Resolved<string>>;
  resolveMx(name: ByteString): Promise<Resolved<{ readonly preference: number; readonly exchange: string }>>;
  resolvePtr(address: string): Promise<Resolved<string>>;
};

/** What one message may cost in questions, and in time. */
export type DnsLimits = { readonly maxQuestions: number; readonly withinMs: number };

/**
 * A resolver for one message: whoever wrote it decides what we ask, so its questions are counted, and all of them together get
 * one deadline. Beyond either everything is `temporary`.
 */
export function boundedDns(dns: Dns, { maxQuestions, withinMs }: DnsLimits): Dns {
  let left = maxQuestions;
  const endsAt = performance.now() + withinMs;
  const bounded =
    <A, T>(ask: (what: A) => Promise<Resolved<T>>) =>
    async (what: A): Promise<Resolved<T>> => {
      if (left-- <= 0) return { kind: "temporary", reason: "too many DNS questions for one message" };
      const restMs = endsAt - performance.now();
      if (restMs <= 0) return { kind: "temporary", reason: "DNS took too long" };
      return inTime(ask(what), restMs);
    };
  return {
    resolveTxt: bounded((name: ByteString) => dns.resolveTxt(name)),
    resolveIpv4: bounded((name: ByteString) => dns.resolveIpv4(name)),
    resolveIpv6: bounded((name: ByteString) => dns.resolveIpv6(name)),
    resolveMx: bounded((name: ByteString) => dns.resolveMx(name)),
    resolvePtr: bounded((address: string) => dns.resolvePtr(address)),
  };
}

function inTime<T>(answer: Promise<Resolved<T>>, restMs: number): Promise<Resolved<T>> {
  return new Promise((settle, failed) => {
    const timer = setTimeout(() => settle({ kind: "temporary", reason: "DNS took too long" }), restMs);
    answer.then(settle, failed).finally(() => clearTimeout(timer));
  });
}
