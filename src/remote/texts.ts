import type { ByteString } from "#bytes";
import { type Outcome, permanent, temporary } from "#mail";
import type { ServerReply } from "#smtp/client";

/** A soft failure that is the host's, not a recipient's: the scheduler sends it fewer messages at a time. */
const hostTrouble = (text: ByteString): Outcome => ({ ...temporary(text), scope: "host" });

/** Every way in which a remote delivery ends, in qmail-remote's words (spec 2.8). Texts without a peer in them first. */
export const say = {
  noHostInAddress: permanent("Sorry, address must include host name. (#5.1.3)\n"),
  lineBreakInAddress: permanent("Sorry, I can't send an address with a line break or a NUL in it. (#5.1.3)\n"),
  noResources: temporary("System resources temporarily unavailable. (#4.3.0)\n"),
  noConnection: hostTrouble("Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n"),
  unableToRead: temporary("Unable to read message. (#4.3.0)\n"),
  dnsTrouble: hostTrouble("Sorry, I couldn't find any host by that name. (#4.1.2)\n"),
  cannotSign: temporary("Unable to sign this message for now. (#4.7.0)\n"),
  noControls: temporary("Unable to read control files. (#4.3.0)\n"),
  noExchanger: permanent("Sorry, I couldn't find a mail exchanger or IP address. (#5.4.4)\n"),
  selfIsExchanger: permanent(
    "Sorry. Although I'm listed as a best-preference MX or A for that host,\nit isn't in my control/locals file, so I don't treat it as local. (#5.4.6)\n",
  ),
  noSuchHost: (host: ByteString): Outcome =>
    permanent(`Sorry, I couldn't find any host named ${printable(host)}. (#5.1.2)\n`),
  nullMx: (host: ByteString): Outcome =>
    permanent(`Sorry, ${printable(host)} does not accept mail: it has a null MX. (#5.1.10)\n`),
} as const;

/** What happened at a host, in words that name it. */
export const sayOf = (host: string) =>
  ({
    greetingFailed: (reply: ServerReply) => hostTrouble(`Connected to ${host} but greeting failed.\n${said(reply)}`),
    nameRejected: (reply: ServerReply) => hostTrouble(`Connected to ${host} but my name was rejected.\n${said(reply)}`),
    senderRejected: (reply: ServerReply) => refused(reply, `Connected to ${host} but sender was rejected.\n`),
    recipientRejected: (reply: ServerReply) => refused(reply, `${host} does not like recipient.\n`),
    givingUp: permanent(`Giving up on ${host}.\n`),
    dataFailed: (reply: ServerReply) => refused(reply, `${host} failed on DATA command.\n`),
    messageFailed: (reply: ServerReply) => refused(reply, `${host} failed after I sent the message.\n`),
    accepted: (reply: ServerReply): Outcome => ({ fate: "done", text: `${host} accepted message.\n${said(reply)}` }),
    died: hostTrouble(`Connected to ${host} but connection died. (#4.4.2)\n`),
    diedAfterDot: temporary(`Connected to ${host} but connection died. Possible duplicate! (#4.4.2)\n`),
    needsSmtputf8: permanent(`Connected to ${host} but it does not take internationalized addresses. (#5.6.7)\n`),
    credentialsRejected: (reply: ServerReply) =>
      temporary(`Connected to ${host} but my credentials were rejected.\n${said(reply)}`),
    credentialsUnsafe: temporary(`Connected to ${host} but it takes credentials in the clear only. (#4.7.0)\n`),
    tlsFailed: (reason: string) =>
      hostTrouble(`Connected to ${host} but TLS is required and failed: ${reason}. (#4.7.5)\n`),
  }) as const;

/** A 5xx is for good, everything else that is no acceptance for now. */
function refused(reply: ServerReply, text: ByteString): Outcome {
  const whole = `${text}${said(reply)}`;
  return reply.code >= 500 ? permanent(whole) : temporary(whole);
}

function said({ text }: ServerReply): ByteString {
  return text === "" ? "" : `Remote host said: ${text.replaceAll("\0", "?")}`;
}

/** A host name for people: octets below 33 and above 126 shown as `?`. */
function printable(host: ByteString): ByteString {
  return host.replace(/[^\x21-\x7e]/g, "?");
}
