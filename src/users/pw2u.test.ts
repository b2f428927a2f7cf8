import assert from "node:assert/strict";
import { test } from "node:test";
import { assignFromPasswd, type HomeOwner, type Pw2uChoices, type Pw2uFiles } from "./pw2u.ts";

const noFiles: Pw2uFiles = { include: null, exclude: null, mailnames: null, subusers: null, append: "" };
const defaults: Pw2uChoices = { homes: "skip", upperCase: false, breakCharacter: "-", dash: "-" };

const passwd = `root:x:0:0:root:/root:/bin/sh
alias:x:70:71::/var/qmail/alias:/bin/true
joe:x:101:102:Joe,,,:/home/joe:/bin/sh
Ann:x:103:104:Ann:/home/ann:/bin/sh
gone:x:105:106:Gone:/home/gone:/bin/sh
ftp:x:107:108:FTP:/home/ftp:/bin/sh
short:x:109:110:No shell:/home/short
last:x:111:112:No line end:/home/last:`;

const owners: Readonly<Record<string, number>> = {
  "/var/qmail/alias": 70,
  "/home/joe": 101,
  "/home/ann": 103,
  "/home/ftp": 0,
  "/home/last": 111,
};
const ownerOf: HomeOwner = (home) => owners[home] ?? null;

const aliasLines = `+:alias:70:71:/var/qmail/alias:-::
=alias:alias:70:71:/var/qmail/alias:::
+alias-:alias:70:71:/var/qmail/alias:-::
`;
const joeLines = `=joe:joe:101:102:/home/joe:::
+joe-:joe:101:102:/home/joe:-::
`;
const lastLines = `=last:last:111:112:/home/last:::
+last-:last:111:112:/home/last:-::
`;

const made = (choices: Partial<Pw2uChoices> = {}, files: Partial<Pw2uFiles> = {}, owner = ownerOf) =>
  assignFromPasswd(passwd, { ...noFiles, ...files }, { ...defaults, ...choices }, owner);

test("each account gives an exact and a wildcard line, alias the catch-all, a dot ends it [Q-132]", () => {
  assert.equal(made(), `${aliasLines}${joeLines}${lastLines}.\n`);
});

test("-h stops at a missing home, -H looks at none [Q-132]", () => {
  assert.deepEqual(made({ homes: "stop" }), { trouble: "unable to stat /home/gone" });
  assert.equal(
    made({ homes: "stop" }, { exclude: ["gone"] }),
    `${aliasLines}${joeLines}${lastLines}.\n`,
    "one that is not theirs is still passed over",
  );
  const all = made({ homes: "ignore" });
  assert.ok(typeof all === "string");
  assert.match(all, /^=gone:gone:105:106:\/home\/gone:::\n\+gone-:gone:105:106:\/home\/gone:-::$/m);
  assert.match(all, /^=ftp:/m);
  assert.doesNotMatch(all, /root|short/);
});

test("a home that cannot be asked about stops all but -H", () => {
  const failing: HomeOwner = (home) => {
    if (home === "/home/joe") throw new Error("EIO");
    return ownerOf(home);
  };
  assert.deepEqual(made({}, {}, failing), { trouble: "unable to stat /home/joe" });
  assert.equal(typeof made({ homes: "ignore" }, {}, failing), "string");
});

test("-u lets names with upper case in [Q-132]", () => {
  const lines = made({ upperCase: true });
  assert.ok(typeof lines === "string");
  assert.match(lines, /^=Ann:Ann:103:104:\/home\/ann:::\n\+Ann-:Ann:103:104:\/home\/ann:-::$/m);
});

test("-c changes the delimiter, -C leaves extensions out, -/ reads .qmail-/ext [Q-132]", () => {
  const only = { include: ["alias", "joe"], subusers: ["info:joe:i:"] };
  assert.equal(
    made({ breakCharacter: "+" }, only),
    `+:alias:70:71:/var/qmail/alias:-::
=alias:alias:70:71:/var/qmail/alias:::
+alias+:alias:70:71:/var/qmail/alias:-::
=joe:joe:101:102:/home/joe:::
+joe+:joe:101:102:/home/joe:-::
=info:joe:101:102:/home/joe:-:i:
+info+:joe:101:102:/home/joe:-:i-:
.
`,
  );
  assert.equal(
    made({ breakCharacter: "" }, only),
    `+:alias:70:71:/var/qmail/alias:-::
=alias:alias:70:71:/var/qmail/alias:::
=joe:joe:101:102:/home/joe:::
=info:joe:101:102:/home/joe:-:i:
.
`,
  );
  assert.equal(
    made({ dash: "-/" }, only),
    `+:alias:70:71:/var/qmail/alias:-/::
=alias:alias:70:71:/var/qmail/alias:::
+alias-:alias:70:71:/var/qmail/alias:-/::
=joe:joe:101:102:/home/joe:::
+joe-:joe:101:102:/home/joe:-/::
=info:joe:101:102:/home/joe:-/:i:
+info-:joe:101:102:/home/joe:-/:i-:
.
`,
  );
});

test("include, exclude, mailnames, subusers and append are honoured [Q-133]", () => {
  assert.equal(made({}, { include: ["ALIAS", "joe", "nosuch"] }), `${aliasLines}${joeLines}.\n`);
  assert.deepEqual(made({}, { include: [] }), { trouble: "unable to find alias user" });
  assert.equal(made({}, { exclude: ["Joe"] }), `${aliasLines}${lastLines}.\n`);
  assert.equal(
    made({}, { exclude: ["last"], mailnames: ["joe:old", "JOE:joe.user::joe", "alias:alias"] }),
    `${aliasLines}=joe.user:joe:101:102:/home/joe:::
+joe.user-:joe:101:102:/home/joe:-::
${joeLines}.
`,
  );
  assert.equal(
    made({}, { exclude: ["last"], mailnames: ["joe:boss"], subusers: ["short:joe", "info:joe:i:"], append: "=x:y\n" }),
    `${aliasLines}=boss:joe:101:102:/home/joe:::
+boss-:joe:101:102:/home/joe:-::
=info:joe:101:102:/home/joe:-:i:
+info-:joe:101:102:/home/joe:-:i-:
=x:y
.
`,
  );
});

test("a subuser of nobody stops everything, as does a passwd without alias", () => {
  assert.deepEqual(made({}, { subusers: ["info:gone:i:"] }), { trouble: "unable to find gone user for subuser info" });
  assert.deepEqual(made({}, { exclude: ["alias"] }), { trouble: "unable to find alias user" });
});
