import { isIP } from "node:net";

/** Who a load balancer says the client is; `local` when it speaks for itself (health checks) or does not know. */
export type ProxyHeader =
  | { readonly kind: "local"; readonly next: number }
  | {
      readonly kind: "proxied";
      readonly ip: string;
      readonly port: number;
      readonly localIp: string;
      readonly localPort: number;
      /** Offset of the first byte behind the header. */
      readonly next: number;
    };

/** Longest version 1 header with its CRLF (PROXY protocol, section 2.1). */
const maxTextBytes = 107;
/** Longest version 2 header taken: 16 bytes, addresses, and some TLVs (which are skipped). */
const maxBinaryBytes = 16 + 2048;
const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const textStart = Buffer.from("PROXY ", "latin1");

/**
 * Reads a PROXY protocol header, version 1 or 2, from the first bytes of a connection. `"short"`: more bytes are needed;
 * null: this is no such header. Bounded: it never asks for more than 2064 bytes.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | "short" | null {
  const start = bytes.subarray(0, signature.length);
  if (signature.subarray(0, start.length).equals(start)) {
    return start.length < signature.length ? "short" : readBinary(bytes);
  }
  const text = bytes.subarray(0, textStart.length);
  if (!textStart.subarray(0, text.length).equals(text)) return null;
  return text.length < textStart.length ? "short" : readText(bytes);
}

function portOf(text: string | undefined): number | null {
  return text !== undefined && /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535 ? Number(text) : null;
}

function readText(bytes: Buffer): ProxyHeader | "short" | null {
  const end = bytes.subarray(0, maxTextBytes).indexOf("\r\n", 0, "latin1");
  if (end < 0) return bytes.length < maxTextBytes ? "short" : null;
  const next = end + 2;
  const [, family, ip = "", localIp = "", from, to, ...more] = bytes.toString("latin1", 0, end).split(" ");
  if (family === "UNKNOWN") return { kind: "local", next };
  const version = family === "TCP4" ? 4 : family === "TCP6" ? 6 : 0;
  const port = portOf(from);
  const localPort = portOf(to);
  if (version === 0 || isIP(ip) !== version || isIP(localIp) !== version) return null;
  if (port === null || localPort === null || more.length > 0) return null;
  return { kind: "proxied", ip, port, localIp, localPort, next };
}

function readBinary(bytes: Buffer): ProxyHeader | "short" | null {
  if (bytes.length < 16) return "short";
  const versionAndCommand = bytes[12]!;
  const family = bytes[13]! >> 4;
  const length = bytes.readUInt16BE(14);
  const next = 16 + length;
  if (versionAndCommand >> 4 !== 2 || next > maxBinaryBytes) return null;
  if (bytes.length < next) return "short";
  const command = versionAndCommand & 15;
  if (command === 0) return { kind: "local", next };
  if (command !== 1) return null;
  const size = family === 1 ? 4 : family === 2 ? 16 : 0;
  // AF_UNSPEC and AF_UNIX tell nothing about a network peer: the connection's own address stands.
  if (size === 0) return family === 0 || family === 3 ? { kind: "local", next } : null;
  if (length < 2 * size + 4) return null;
  return {
    kind: "proxied",
    ip: ipText(bytes.subarray(16, 16 + size)),
    localIp: ipText(bytes.subarray(16 + size, 16 + 2 * size)),
    port: bytes.readUInt16BE(16 + 2 * size),
    localPort: bytes.readUInt16BE(18 + 2 * size),
    next,
  };
}

/** Octets of an address as RFC 5952 writes it; an IPv4-mapped one as IPv4. */
function ipText(octets: Buffer): string {
  if (octets.length === 4) return octets.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => octets.readUInt16BE(2 * i));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) return octets.subarray(12).join(".");
  const text = groups.map((group) => group.toString(16)).join(":");
  const zeros = [...text.matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)].sort((a, b) => b[0].length - a[0].length)[0];
  if (zeros === undefined) return text;
  const [before, after] = [text.slice(0, zeros.index), text.slice(zeros.index + zeros[0].length)];
  return `${before.replace(/:$/, "")}::${after.replace(/^:/, "")}`;
}
