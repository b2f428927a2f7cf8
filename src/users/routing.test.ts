import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { ControlError } from "#control";
import type { Address } from "#mail";
import { loadRouting, type Routing, routeRecipient, stripVirtualPrefix } from "./routing.ts";

/** A home with these control files, gone when the test ends. */
async function homeWith(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "quail-routing-"));
  t.after(() => rm(home, { recursive: true }));
  await mkdir(join(home, "control"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(home, "control", name), text);
  return home;
}

const routingOf = async (t: TestContext, files: Readonly<Record<string, string>>): Promise<Routing> =>
  loadRouting(await homeWith(t, files));

/** `channel address`, which is what a row of these tables says. */
const route = (address: string, routing: Routing): string => {
  const { channel, address: to } = routeRecipient(address as Address, routing);
  return `${channel} ${to}`;
};

function check(routing: Routing, rows: readonly (readonly [address: string, expected: string])[]): void {
  for (const [address, expected] of rows) assert.equal(route(address, routing), expected, address);
}

const me = { me: "mail.example.org\n" };

test("a domain in locals is local in any case; its subdomains are not [Q-100] [Q-101]", async (t) => {
  check(await routingOf(t, { ...me, locals: "Example.ORG\n" }), [
    ["joe@example.org", "local joe@example.org"],
    ["Joe@EXAMPLE.org", "local Joe@EXAMPLE.org"],
    ["joe@sub.example.org", "remote joe@sub.example.org"],
    ["joe@mail.example.org", "remote joe@mail.example.org"],
  ]);
});

test("without control/locals the name in control/me is local; with an empty one nothing is", async (t) => {
  check(await routingOf(t, me), [["joe@mail.example.org", "local joe@mail.example.org"]]);
  check(await routingOf(t, { ...me, locals: "# none\n" }), [["joe@mail.example.org", "remote joe@mail.example.org"]]);
});

test("an address without @ gets envnoathost, or me [Q-102]", async (t) => {
  check(await routingOf(t, me), [["joe", "local joe@mail.example.org"]]);
  check(await routingOf(t, { ...me, envnoathost: "else.example\n" }), [
    ["joe", "remote joe@else.example"],
    ["", "remote @else.example"],
  ]);
});

test("the percent hack is undone for listed domains, repeatedly, and for no other [Q-103]", async (t) => {
  check(await routingOf(t, { ...me, percenthack: "Listed.example\nb.org\n" }), [
    ["a%b.net@listed.example", "remote a@b.net"],
    ["a%c.net%b.org@LISTED.example", "remote a@c.net"],
    ["a%mail.example.org@listed.example", "local a@mail.example.org"],
    ["a%b.net@other.example", "remote a%b.net@other.example"],
    ["plain@listed.example", "remote plain@listed.example"],
    ["%@listed.example", "remote @"],
  ]);
});

test("virtualdomains forms win in the order user, domain, longest suffix, catch-all [Q-104] [Q-105] [Q-106] [Q-107] [Q-108]", async (t) => {
  const virtualdomains = "info@a.org:ann\nA.org:joe\n.a.org:wild\n.b.a.org:deep\n:alias-all\n";
  check(await routingOf(t, { ...me, virtualdomains }), [
    ["x@a.org", "local joe-x@a.org"],
    ["X@A.ORG", "local joe-X@A.ORG"],
    ["INFO@a.org", "local ann-INFO@a.org"],
    ["x@s.a.org", "local wild-x@s.a.org"],
    ["x@r.s.a.org", "local wild-x@r.s.a.org"],
    ["x@b.a.org", "local wild-x@b.a.org"],
    ["x@c.b.a.org", "local deep-x@c.b.a.org"],
    ["x@xa.org", "local alias-all-x@xa.org"],
    ["x@", "local alias-all-x@"],
  ]);
  check(await routingOf(t, { ...me, virtualdomains: ".d:joe\n" }), [
    ["x@x.d", "local joe-x@x.d"],
    ["x@a.b.d", "local joe-x@a.b.d"],
    ["x@d", "remote x@d"],
  ]);
});

test("an empty prefix makes an exception remote although a wider form is listed [Q-109]", async (t) => {
  check(await routingOf(t, { ...me, virtualdomains: ".d:joe\nx.d:\nann@v.d:\n" }), [
    ["u@x.d", "remote u@x.d"],
    ["u@y.x.d", "local joe-u@y.x.d"],
    ["ann@v.d", "remote ann@v.d"],
    ["u@v.d", "local joe-u@v.d"],
  ]);
});

test("locals wins over virtualdomains [Q-110]", async (t) => {
  check(await routingOf(t, { ...me, locals: "a.org\n", virtualdomains: "a.org:joe\nx@a.org:ann\n:all\n" }), [
    ["x@a.org", "local x@a.org"],
  ]);
});

test("a message routed before an edit keeps its route: the decision is a value of the old files", async (t) => {
  const home = await homeWith(t, { ...me, locals: "old.example\n" });
  const before = loadRouting(home);
  const routed = routeRecipient("joe@old.example" as Address, before);
  await writeFile(join(home, "control/locals"), "new.example\n");
  assert.equal(routed.channel, "local");
  check(before, [["joe@old.example", "local joe@old.example"]]);
  check(loadRouting(home), [["joe@old.example", "remote joe@old.example"]]);
});

test("the domain after the last @ counts [Q-112]", async (t) => {
  check(await routingOf(t, { ...me, locals: "c\n", virtualdomains: "b:joe\n" }), [
    ["a@b@c", "local a@b@c"],
    ["a@c@b", "local joe-a@c@b"],
    ["a@c@d", "remote a@c@d"],
  ]);
});

test("of two equal virtualdomains keys the last line wins [Q-114]", async (t) => {
  check(await routingOf(t, { ...me, virtualdomains: "a.org:first\nA.ORG:last\n" }), [
    ["x@a.org", "local last-x@a.org"],
  ]);
});

test("virtualdomains: comments, blank lines and lines without a colon say nothing; a value keeps its colons [Q-115]", async (t) => {
  const virtualdomains = "#a.org:hidden\n\n \t\nb.org\na.org:joe:and:more \t\n leading.org:x\n";
  check(await routingOf(t, { ...me, virtualdomains }), [
    ["x@a.org", "local joe:and:more-x@a.org"],
    ["x@b.org", "remote x@b.org"],
    ["x@leading.org", "remote x@leading.org"],
  ]);
});

test("the decision names the file and line it comes from", async (t) => {
  const routing = await routingOf(t, {
    ...me,
    locals: "# ours\nmail.example.org\n\nexample.org\n",
    percenthack: "hack.example\n",
    virtualdomains: "a.org:joe\nx.a.org:\n",
  });
  const rows: readonly (readonly [string, string])[] = [
    ["joe@example.org", "control/locals:4"],
    ["x@a.org", "control/virtualdomains:1"],
    ["x@x.a.org", "control/virtualdomains:2"],
    ["x%a.org@hack.example", "control/percenthack:1, control/virtualdomains:1"],
    ["x@far.net", "neither control/locals nor control/virtualdomains"],
  ];
  for (const [address, via] of rows) assert.equal(routeRecipient(address as Address, routing).via, via, address);
  const byMe = routeRecipient("joe" as Address, await routingOf(t, me));
  assert.equal(byMe.via, "control/me");
});

test("with neither locals nor me there is no routing; specific files alone suffice [Q-256]", async (t) => {
  await assert.rejects(routingOf(t, {}), ControlError);
  check(await routingOf(t, { locals: "a.org\n" }), [
    ["x@a.org", "local x@a.org"],
    ["x", "remote x@envnoathost"],
  ]);
});

test("an unreadable control file is an error, never the default [Q-255]", async (t) => {
  const home = await homeWith(t, me);
  await mkdir(join(home, "control/virtualdomains"));
  assert.throws(() => loadRouting(home), /unable to read .*control\/virtualdomains: EISDIR/);
});

test("the prefix of a virtual domain is taken off for bounces, that of a virtual user is not", async (t) => {
  const routing = await routingOf(t, {
    ...me,
    virtualdomains: "info@u.org:ann\na.org:joe\n.a.org:joe-sub\nx.a.org:\n:catch\n",
  });
  const rows: readonly (readonly [string, string])[] = [
    ["joe-x@a.org", "x@a.org"],
    ["joe-X-y@A.org", "X-y@A.org"],
    ["joe-sub-x@s.a.org", "x@s.a.org"],
    ["joe-x@x.a.org", "joe-x@x.a.org"],
    ["joex@a.org", "joex@a.org"],
    ["ann-info@u.org", "ann-info@u.org"],
    ["catch-x@far.net", "x@far.net"],
    ["joe", "joe"],
  ];
  for (const [routed, original] of rows) assert.equal(stripVirtualPrefix(routed as Address, routing), original, routed);
});

test("routing any address ends, keeps the local part's bytes, and stripping undoes a domain's prefix", async (t) => {
  const routing = await routingOf(t, { ...me, percenthack: "a.b\n", virtualdomains: ".c:joe\nb.c:\n:all\n" });
  const word = fc.string({ unit: fc.constantFrom("a", "B", "%", ".", "-", "@", "c", "\xff"), maxLength: 30 });
  fc.assert(
    fc.property(word, (text) => {
      const { address } = routeRecipient(text as Address, routing);
      assert.ok(address.includes("@"));
      assert.ok(address.length <= text.length + "all-".length + "@mail.example.org".length);
      const again = routeRecipient(text as Address, { ...routing, percentHack: new Map() });
      const qualified = text.includes("@") ? text : `${text}@mail.example.org`;
      if (again.channel === "local" && again.via.startsWith("control/virtualdomains"))
        assert.equal(stripVirtualPrefix(again.address, routing), qualified);
    }),
  );
});
