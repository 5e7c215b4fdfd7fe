// Answers requests of benchmarks/chargy.py: one line of JSON in, one line of JSON out.
// Request: {"documents": [[{"name": ..., "data": <base64>}, ...], ...]}
// Answer:  {"answers": [{"sessions": [{"status": ..., "values": [...]}], "status": ..., "cpu_us": ...}, ...]}

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const NAME = "@open-charging-cloud/chargy-core";
const send = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
// Whatever the library prints must not end up between the answers.
for (const method of ["log", "info", "debug", "warn", "error"]) console[method] = () => {};

async function load(folder) {
    const require = createRequire(join(folder, "package.json"));
    const entry = require.resolve(NAME);
    const own = createRequire(entry);
    try {
        const { DOMParser } = require("@oozcitak/dom");
        globalThis.DOMParser ??= DOMParser;
    } catch { /* newer versions may bring their own */ }
    globalThis.window ??= { navigator: { language: "en-US" } };
    const { Chargy } = await import(pathToFileURL(entry).href);
    const make = () => new Chargy(
        {}, ["en"], own("elliptic"), own("moment"), own("asn1.js"), own("base32-decode"), () => ""
    );
    make();
    const root = entry.slice(0, entry.lastIndexOf(join(...NAME.split("/"))) + NAME.length);
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    return { make, version };
}

async function judge(make, files) {
    const given = files.map(({ name, data }) => ({ name, data: new Uint8Array(Buffer.from(data, "base64")) }));
    const begin = process.cpuUsage();
    let answer;
    try {
        const found = await make().DetectAndConvertContentFormat(given);
        const sessions = Array.isArray(found?.chargingSessions) ? found.chargingSessions : [];
        answer = {
            status: found?.status ?? null,
            sessions: sessions.map((session) => ({
                status: session.verificationResult?.status ?? null,
                values: (session.measurements ?? []).flatMap((measurement) =>
                    (measurement.values ?? []).map((value) => value.result?.status ?? null)),
            })),
        };
    } catch (error) {
        answer = { error: String(error?.message ?? error) };
    }
    const { user, system } = process.cpuUsage(begin);
    return { ...answer, cpu_us: user + system };
}

let chargy;
try {
    chargy = await load(process.argv[2]);
} catch (error) {
    send({ error: String(error?.message ?? error).split("\n")[0] });
    process.exit(1);
}
send({ version: chargy.version });
for await (const line of createInterface({ input: process.stdin })) {
    const answers = [];
    for (const files of JSON.parse(line).documents) answers.push(await judge(chargy.make, files));
    send({ answers });
}
