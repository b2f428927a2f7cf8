import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hasLibcrypt, libCrypt } from "./libcrypt.ts";
import { md5Crypt } from "./md5-crypt.ts";
import { makeHash } from "./phc.ts";
import { shaCrypt } from "./sha-crypt.ts";
import { storeClear, verifySecret } from "./verify-secret.ts";

/** The passwords and salts of the format's own paper ("Unix crypt using SHA-256 and SHA-512"), as glibc's crypt(3) answers them. */
const vectors: readonly (readonly [secret: string, hash: string])[] = [
  ["Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"],
  ["Hello world!", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"],
  [
    "Hello world!",
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
  ],
];

for (const [secret, hash] of vectors) {
  test(`${hash.slice(0, 12)}... is checked as its format says`, async () => {
    const setting = hash.slice(0, hash.lastIndexOf("$"));
    assert.equal(shaCrypt(secret, setting), hash);
    assert.equal(await verifySecret(secret, hash), "yes");
    assert.equal(await verifySecret(`${secret}x`, hash), "no");
  });
}

const skip = hasLibcrypt() ? false : "the system's crypt(3) is not to be had here";

test("our $1$, $5$ and $6$ are the system's, whatever the password", { skip }, async () => {
  const secrets = fc.string({ unit: fc.nat({ max: 254 }).map((n) => String.fromCharCode(n + 1)), maxLength: 80 });
  const salts = fc.stringMatching(/^[A-Za-z0-9./]{1,8}$/);
  await fc.assert(
    fc.asyncProperty(secrets, salts, async (secret, salt) => {
      assert.equal(md5Crypt(secret, `$1$${salt}`), await libCrypt(secret, `$1$${salt}`));
      assert.equal(shaCrypt(secret, `$5$rounds=1000$${salt}`), await libCrypt(secret, `$5$rounds=1000$${salt}`));
      assert.equal(shaCrypt(secret, `$6$rounds=1000$${salt}`), await libCrypt(secret, `$6$rounds=1000$${salt}`));
    }),
    { numRuns: 25 },
  );
});

test("Apache's $apr1$ is MD5 with another word", () => {
  assert.equal(md5Crypt("myPassword", "$apr1$r31....."), "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/");
});

/** Made by other systems' tools. */
const foreign: readonly (readonly [name: string, secret: string, hash: string])[] = [
  ["bcrypt", "U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"],
  ["DES", "test", "PQl1.p7BcJRuM"],
];

for (const [name, secret, hash] of foreign) {
  test(`${name} of an old file is checked by the system's crypt(3)`, { skip }, async () => {
    assert.equal(await verifySecret(secret, hash), "yes");
    assert.equal(await verifySecret(`x${secret}`, hash), "no");
  });
}

test("yescrypt, which Debian makes, is checked", { skip }, async () => {
  const hash = await libCrypt("se cret", "$y$j9T$abcdefgh");
  assert.ok(hash !== null);
  assert.match(hash, /^\$y\$j9T\$abcdefgh\$/);
  assert.equal(await verifySecret("se cret", hash), "yes");
  assert.equal(await verifySecret("se crets", hash), "no");
});

test("what we make is argon2id, fits its secret and no other, and is never the same twice", async () => {
  const [one, other] = [await makeHash("s\xe9cret:"), await makeHash("s\xe9cret:")];
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[^$]{22}\$[^$]{43}$/);
  assert.notEqual(one, other);
  assert.equal(await verifySecret("s\xe9cret:", one), "yes");
  assert.equal(await verifySecret("secret:", one), "no");
});

test("scrypt in the PHC form is checked, and one that asks for too much is not tried", async () => {
  // RFC 7914 §12: P="pleaseletmein", S="SodiumChloride", N=16384, r=8, p=1, the first 32 octets.
  const salt = Buffer.from("SodiumChloride").toString("base64").replace(/=+$/, "");
  const tag = Buffer.from("7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2", "hex");
  const hash = `$scrypt$ln=14,r=8,p=1$${salt}$${tag.toString("base64").replace(/=+$/, "")}`;
  assert.equal(await verifySecret("pleaseletmein", hash), "yes");
  assert.equal(await verifySecret("pleaseletmei", hash), "no");
  assert.equal(await verifySecret("pleaseletmein", hash.replace("ln=14", "ln=40")), "unknown");
});

test("a locked account, an empty hash and a shadowed one fit nothing", async () => {
  for (const stored of ["", "!", "*", "!$6$saltstring$x", "x", "!!"])
    assert.equal(await verifySecret("", stored), "no");
});

test("a secret kept in the clear fits itself, with any characters", async () => {
  assert.equal(await verifySecret("a:b c", storeClear("a:b c")), "yes");
  assert.equal(await verifySecret("a", "{PLAIN}a"), "yes");
  assert.equal(await verifySecret("b", "{plain}a"), "no");
});

test("a form nobody knows is neither right nor wrong", async () => {
  for (const stored of ["$9$x$y", "$5$rounds=999999999$salt$x", "{SSHA}abcd"])
    assert.equal(await verifySecret("x", stored), "unknown", stored);
});
