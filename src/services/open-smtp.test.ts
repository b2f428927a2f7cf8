import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { noteLogin, openRelayTable, parseOpenSmtp, renderOpenSmtp } from "./open-smtp.ts";

let home = "";
before(() => {
  home = mkdtempSync(join(tmpdir(), "quail-open-smtp-"));
  mkdirSync(join(home, "control"));
});
after(() => rmSync(home, { recursive: true }));

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

test("an address that has read mail may relay until its time is over; its neighbours may not [J-177]", () => {
  const may = openRelayTable(home);
  assert.equal(may("192.0.2.1", 30), false, "no table yet");
  noteLogin(home, "192.0.2.1", nowSeconds(), 30);
  assert.equal(may("192.0.2.1", 30), true);
  assert.equal(may("192.0.2.2", 30), false);
  noteLogin(home, "192.0.2.2", nowSeconds() - 31 * 60, 60);
  assert.equal(may("192.0.2.2", 30), false, "too long ago");
  assert.equal(may("192.0.2.2", 60), true);
  assert.equal(statSync(join(home, "control/open-smtp")).mode & 0o777, 0o644);
});

test("an IPv6 network is one host; entries that are over go when the next comes [J-177]", () => {
  const may = openRelayTable(home);
  noteLogin(home, "2001:db8:1:2::5", nowSeconds(), 30);
  assert.equal(may("2001:db8:1:2:ffff::1", 30), true);
  assert.equal(may("2001:db8:1:3::5", 30), false);
  noteLogin(home, "192.0.2.9", nowSeconds() + 3600, 30);
  assert.equal(may("2001:db8:1:2::5", 30), false);
  assert.equal(may("192.0.2.9", 30), true);
});

test("vpopmail's own table is read as it is, and ours is one of its kind [J-177]", () => {
  const text = `192.0.2.7:allow,RELAYCLIENT="",RBLSMTPD=""\t${nowSeconds()}\n# no entry\n192.0.2.8:deny\n`;
  writeFileSync(join(home, "control/open-smtp"), text);
  assert.equal(openRelayTable(home)("192.0.2.7", 30), true);
  assert.equal(openRelayTable(home)("192.0.2.8", 30), false);
  assert.deepEqual(
    [
      ...parseOpenSmtp(
        renderOpenSmtp(
          new Map([
            ["192.0.2.7", 5],
            ["2001:db8:1:2:", 6],
          ]),
        ),
      ),
    ],
    [
      ["192.0.2.7", 5],
      ["2001:db8:1:2:", 6],
    ],
  );
});
