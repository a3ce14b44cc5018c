"use strict";

const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = async () => {
  const [command, ...args] = workspace.getConfiguration("weft").get("command");
  const files = workspace.createFileSystemWatcher("**/*.weft");
  client = new LanguageClient(
    "weft",
    "Weft",
    { command, args },
    { documentSelector: [{ language: "weft" }], synchronize: { fileEvents: files } });
  await client.start();
};

exports.deactivate = () => client?.stop();
