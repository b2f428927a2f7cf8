/**
 * The signing service: the one process that can read the private keys in `dkim/`. Whoever sends mail to other hosts (`remote`) brings it a
 * message's header and the hash of its body on `run/sign`, and gets DKIM-Signature fields back, one for each key that control/dkimsign
 * names for the domain at that time. Opens nothing to the network, reads no message.
 *
 * Options: `socket=PATH` where in the home it listens (default `run/sign`); `client-uid=UID` who may ask beside root and ourselves. Log lines:
 *
 *     alert: sign: unable to use a key domain=example.org selector=s1 reason="..."
 *         at most once a minute for each key; messages are signed by the others, and wait if there is none
 */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { toBytes } from "#bytes";
import {
  composeSignature,
  headerFields,
  keysFor,
  parseSignRequest,
  readSigningKeys,
  type SigningKey,
  type SignRequest,
  signFrames,
  signSocket,
} from "#checks";
import { liveControls } from "#control";
import { errorText, peerUid } from "#files";
import { eventLine } from "#log";
import { closeServer, FrameLink, listenUnix } from "#net";
import type { Service } from "./service.ts";

/** How long a signature is good for: longer than any queue keeps a message, so that the last attempt still verifies. */
const validSeconds = 21 * 86_400;
const complaintPauseMs = 60_000;

/** A key as it was read, and when the file was changed. */
type Kept = { readonly key: KeyObject; readonly mtimeMs: number };

export const serve: Service = async ({ home, options, log }) => {
  const plan = liveControls(home, ["dkimsign"], () => readSigningKeys(home));
  const kept = new Map<string, Kept>();
  const complainedAt = new Map<string, number>();
  plan();

  const keyOf = ({ domain, selector }: SigningKey): KeyObject => {
    const path = join(home, "dkim", domain, `${selector}.pem`);
    const { mtimeMs } = statSync(path);
    const before = kept.get(path);
    if (before?.mtimeMs === mtimeMs) return before.key;
    const key = createPrivateKey(readFileSync(path));
    kept.set(path, { key, mtimeMs });
    return key;
  };
  const complain = ({ domain, selector }: SigningKey, reason: string): void => {
    const name = `${domain} ${selector}`;
    if (performance.now() - (complainedAt.get(name) ?? Number.NEGATIVE_INFINITY) < complaintPauseMs) return;
    complainedAt.set(name, performance.now());
    log(eventLine("alert: sign: unable to use a key", { domain, selector, reason }));
  };
  const signWith = (signing: SigningKey, { bodyHash, header }: SignRequest): string | null => {
    try {
      const signedAt = Math.floor(Date.now() / 1000);
      const { domain, selector } = signing;
      const times = { signedAt, expiresAt: signedAt + validSeconds };
      return composeSignature(headerFields(header), { domain, selector, key: keyOf(signing), bodyHash, ...times });
    } catch (error) {
      complain(signing, errorText(error)); // The other keys may do; without any the message waits.
      return null;
    }
  };
  const answer = (link: FrameLink, id: number, payload: Buffer): void => {
    const request = parseSignRequest(payload);
    if (request === null) return void link.send(signFrames.refused, id, toBytes("malformed request"));
    const keys = keysFor(plan(), request.domain, Math.floor(Date.now() / 1000));
    const fields = keys.map((key) => signWith(key, request)).filter((field) => field !== null);
    if (fields.length === 0) link.send(signFrames.refused, id, toBytes(`no usable key for ${request.domain}`));
    else link.send(signFrames.signed, id, toBytes(fields.join("")));
  };

  const ownUid = process.getuid?.() ?? 0;
  const clientUid = Number(options.get("client-uid") ?? ownUid);
  const links = new Set<FrameLink>();
  const letIn = (socket: Socket): void => {
    // A signature is our domain's word: nobody gets one but whoever sends our mail.
    const uid = peerUid(socket);
    if (uid !== null && uid !== 0 && uid !== ownUid && uid !== clientUid) return void socket.destroy();
    const link: FrameLink = new FrameLink(socket, {
      frame: ({ kind, id, payload }) => {
        if (kind === signFrames.sign) answer(link, id, payload);
      },
      close: () => void links.delete(link),
    });
    links.add(link);
  };
  const server = await listenUnix(join(home, options.get("socket") ?? signSocket), letIn, 0o666);
  return {
    async close() {
      void closeServer(server);
      for (const link of links) link.end();
    },
  };
};
