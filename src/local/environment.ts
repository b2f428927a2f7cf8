import { type ByteString, displayText } from "#bytes";
import { type Address, domainOf, type LocalRoute, localPartOf, type ReversePath } from "#mail";

/** What a program in a .qmail file is told beyond the worker's own environment (spec 6.7). */
export type DeliveryFacts = {
  readonly route: LocalRoute;
  readonly recipient: Address;
  readonly sender: ReversePath;
  readonly newSender: ReversePath;
  readonly defaultPart: ByteString | null;
  readonly deliveredTo: ByteString;
  readonly returnPath: ByteString;
  readonly fromLine: ByteString;
};

/** What follows the first hyphen; "" if there is none. */
const afterHyphen = (text: ByteString): ByteString => (text.includes("-") ? text.slice(text.indexOf("-") + 1) : "");
/** What stands before the last dot; all of it if there is none. */
const beforeDot = (text: ByteString): ByteString => (text.includes(".") ? text.slice(0, text.lastIndexOf(".")) : text);

/**
 * The environment of a delivery's programs. Values are what peers wrote: a shell command must quote them (G40). They become
 * text by UTF-8, as every string of an environment does in Node; octets that are no UTF-8 show as U+FFFD there.
 */
export function deliveryEnvironment(base: NodeJS.ProcessEnv, facts: DeliveryFacts): NodeJS.ProcessEnv {
  const { route, recipient } = facts;
  const host = domainOf(recipient);
  const ext2 = afterHyphen(route.ext);
  const ext3 = afterHyphen(ext2);
  const host2 = beforeDot(host);
  const host3 = beforeDot(host2);
  const variables: Readonly<Record<string, ByteString>> = {
    SENDER: facts.sender,
    NEWSENDER: facts.newSender,
    RECIPIENT: recipient,
    USER: route.user,
    HOME: route.home,
    LOCAL: localPartOf(recipient),
    HOST: host,
    HOST2: host2,
    HOST3: host3,
    HOST4: beforeDot(host3),
    EXT: route.ext,
    EXT2: ext2,
    EXT3: ext3,
    EXT4: afterHyphen(ext3),
    DTLINE: facts.deliveredTo,
    RPLINE: facts.returnPath,
    UFLINE: facts.fromLine,
    ...(facts.defaultPart === null ? {} : { DEFAULT: facts.defaultPart }),
  };
  const { DEFAULT: _inherited, ...rest } = base;
  return {
    ...rest,
    ...Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, displayText(value)])),
  };
}
