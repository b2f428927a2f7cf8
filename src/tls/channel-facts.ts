import type { TlsFact } from "./fact.ts";

/** What a login may be bound to, or proved by, of the connection it comes over. */
export type ChannelFacts = {
  /** RFC 9266: 32 octets both ends derive from the handshake; null where there is nothing to bind to. */
  readonly tlsExporter: Buffer | null;
  /** A verified client certificate's addresses (lower case), and `sha256/` with its fingerprint in hex; empty: none. */
  readonly certificate: readonly string[];
};

/** RFC 9266 §2. */
const exporterLabel = "EXPORTER-Channel-Binding";
const exporterBytes = 32;

const none: ChannelFacts = { tlsExporter: null, certificate: [] };

/** Reads them off a connection; without TLS there are none. */
export function channelFacts(fact: TlsFact | null): ChannelFacts {
  if (fact === null) return none;
  const { clientCert } = fact;
  const print = clientCert?.fingerprint.replaceAll(":", "").toLowerCase();
  return {
    // Before TLS 1.3 the exporter is no proof against somebody in the middle without further conditions (RFC 9266 §3).
    tlsExporter: fact.version === "TLSv1.3" ? fact.exportKey(exporterLabel, exporterBytes) : null,
    certificate: clientCert === null ? [] : [...clientCert.emails, `sha256/${print}`],
  };
}
