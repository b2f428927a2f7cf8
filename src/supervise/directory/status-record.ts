/** What a service is at, beyond up and down (daemontools-encore's byte 18, in its order). */
export const serviceStates = ["stopped", "starting", "started", "running", "stopping", "failed"] as const;
export type ServiceState = (typeof serviceStates)[number];

/** What shall be: up, down, or (after `o`) whatever comes when it ends. */
export type Wanted = "up" | "down" | "once";

/** One service's record in `supervise/status`. */
export type StatusRecord = {
  /** When its process last came or went: seconds since 1970, and 0..999999999. */
  readonly seconds: number;
  readonly nanoseconds: number;
  /** 0: down. */
  readonly pid: number;
  readonly paused: boolean;
  readonly wanted: Wanted;
  /** Null in the 18 bytes of the original. */
  readonly state: ServiceState | null;
};

/** The original's record, and daemontools-encore's. Two of the latter stand in a file when the log is supervised with its service. */
const shortBytes = 18;
const longBytes = 20;

/** TAI64's label of 1970 as daemontools writes it: 2^62 + 10 seconds, no leap seconds. */
const epochLabel = 0x4000_0000_0000_000an;

const wantedBytes: ReadonlyMap<Wanted, number> = new Map([
  ["up", 0x75],
  ["down", 0x64],
  ["once", 0],
]);

/** The bytes of `supervise/status`: 18 with `state` null, else 20 (spec 1.1). */
export function renderStatus({ seconds, nanoseconds, pid, paused, wanted, state }: StatusRecord): Buffer {
  const bytes = Buffer.alloc(state === null ? shortBytes : longBytes);
  bytes.writeBigUInt64BE(epochLabel + BigInt(seconds), 0);
  bytes.writeUInt32BE(nanoseconds, 8);
  bytes.writeUInt32LE(pid, 12);
  bytes[16] = pid !== 0 && paused ? 1 : 0;
  bytes[17] = wantedBytes.get(wanted) ?? 0;
  if (state !== null) bytes[18] = serviceStates.indexOf(state);
  return bytes;
}

function parseOne(bytes: Buffer): StatusRecord {
  const wanted = bytes[17];
  return {
    seconds: Number(bytes.readBigUInt64BE(0) - epochLabel),
    nanoseconds: bytes.readUInt32BE(8),
    pid: bytes.readUInt32LE(12),
    paused: bytes[16] !== 0,
    wanted: wanted === 0x75 ? "up" : wanted === 0x64 ? "down" : "once",
    state: bytes.length < longBytes ? null : (serviceStates[bytes[18]!] ?? null),
  };
}

/** The records of a status file: the service's, and its log's if that is in the same file. Null: bad format. */
export function parseStatus(bytes: Buffer): readonly [StatusRecord, ...StatusRecord[]] | null {
  if (bytes.length < shortBytes) return null;
  const first = parseOne(bytes.subarray(0, longBytes));
  return bytes.length < longBytes + shortBytes ? [first] : [first, parseOne(bytes.subarray(longBytes, 2 * longBytes))];
}
