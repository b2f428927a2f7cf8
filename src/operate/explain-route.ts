import { type ByteString, lowerAscii } from "#bytes";
import { readEntries } from "#control";
import { shown } from "#log";
import { type Address, domainOf, localPartOf } from "#mail";
import { type Routed, type Routing, routeRecipient } from "#users";

/** A question that was asked about an address, its answer, and the file and line that gave it (null: nobody). */
export type Step = { readonly question: string; readonly answer: string; readonly where: string | null };

/** Questions of routing in the order they are asked (spec 5.1), and what came of them. */
export type ExplainedRoute = { readonly steps: readonly Step[]; readonly routed: Routed };

const step = (question: string, answer: string, where: string | null = null): Step => ({ question, answer, where });

/** A domain, its parents with a dot in front, and "": the order in which virtualdomains and smtproutes are searched. */
function keysOf(domain: ByteString): readonly ByteString[] {
  const keys: ByteString[] = [];
  for (let at = 0; at >= 0; at = domain.indexOf(".", at + 1)) keys.push(domain.slice(at));
  return domain === "" ? keys : [...keys, ""];
}

function percentSteps(
  address: ByteString,
  routing: Routing,
): { readonly steps: readonly Step[]; readonly address: ByteString } {
  if (routing.percentHack.size === 0 || !address.includes("%")) return { steps: [], address };
  const steps: Step[] = [];
  for (let here = address; ; ) {
    const at = here.lastIndexOf("@");
    const domain = lowerAscii(here.slice(at + 1));
    const where = routing.percentHack.get(domain) ?? null;
    const percent = where === null ? -1 : here.lastIndexOf("%", at);
    if (percent < 0) {
      steps.push(
        step(
          `does ${shown(domain)} take user%host addresses?`,
          where === null ? "no" : "yes, but there is no %",
          where,
        ),
      );
      return { steps, address: here };
    }
    here = `${here.slice(0, percent)}@${here.slice(percent + 1, at)}`;
    steps.push(step(`does ${shown(domain)} take user%host addresses?`, `yes: ${shown(here)}`, where));
  }
}

function virtualStep(address: ByteString, domain: ByteString, routing: Routing): Step {
  const question = `is ${shown(domain)} a virtual domain?`;
  for (const key of [lowerAscii(address), ...keysOf(domain)]) {
    const entry = routing.virtualDomains.get(key);
    if (entry === undefined) continue;
    const line = `${shown(key)}:${shown(entry.prefix)}`;
    return step(question, entry.prefix === "" ? `an exception: ${line}` : `yes: ${line}`, entry.via);
  }
  return step(question, "no");
}

/** Every question of routing and its answer; the decision itself is `routeRecipient`'s. */
export function explainRoute(address: Address, routing: Routing): ExplainedRoute {
  const steps: Step[] = [];
  let here: ByteString = address;
  if (!here.includes("@")) {
    here = `${here}@${routing.envNoAtHost}`;
    steps.push(step("has it an @?", `no: ${shown(here)}`, "control/envnoathost, else control/me"));
  }
  const percent = percentSteps(here, routing);
  steps.push(...percent.steps);
  const domain = lowerAscii(domainOf(percent.address));
  const local = routing.locals.get(domain) ?? null;
  steps.push(step(`is ${shown(domain)} local?`, local === null ? "no" : "yes", local));
  if (local === null) steps.push(virtualStep(percent.address, domain, routing));
  return { steps, routed: routeRecipient(address, routing) };
}

type ArtificialRoute = { readonly relay: ByteString; readonly where: string; readonly by: "" | ", by QMTP" };

/** A file of routes by key, lower-cased; the last of equal keys counts. */
function routesIn(home: string, name: "smtproutes" | "qmtproutes"): ReadonlyMap<ByteString, ArtificialRoute> {
  const by = name === "qmtproutes" ? ", by QMTP" : "";
  const routes = new Map<ByteString, ArtificialRoute>();
  for (const { text, line } of readEntries(home, name) ?? []) {
    const colon = text.indexOf(":");
    if (colon < 0) continue;
    routes.set(lowerAscii(text.slice(0, colon)), {
      relay: text.slice(colon + 1),
      where: `control/${name}:${line}`,
      by,
    });
  }
  return routes;
}

/** Does an artificial route take a remote address elsewhere (spec 3.2, smtproutes; 11.2, qmtproutes, which comes first)? */
export function explainSmtpRoute(
  home: string,
  address: ByteString,
): { readonly step: Step; readonly relay: string | null } {
  const domain = lowerAscii(domainOf(address));
  const [qmtp, smtp] = [routesIn(home, "qmtproutes"), routesIn(home, "smtproutes")];
  const question = `has ${shown(domain)} an SMTP route?`;
  for (const key of keysOf(domain)) {
    const route = qmtp.get(key) ?? smtp.get(key);
    if (route === undefined) continue;
    // What stands after a blank is a login; it is nobody's business here.
    const relay = shown(route.relay.split(/[ \t]/)[0] ?? "");
    return relay === ""
      ? { step: step(question, "an exception: by MX", route.where), relay: null }
      : { step: step(question, `yes: ${relay}${route.by}`, route.where), relay: `${relay}${route.by}` };
  }
  return { step: step(question, "no: by MX"), relay: null };
}

/** The part of a routed local address that users are looked up by. */
export const lookedUp = (routed: Routed): ByteString => localPartOf(routed.address);
