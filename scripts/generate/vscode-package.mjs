// Writes dist/iam-tokend.vsix, the package of the VS Code extension in scripts/editors/vscode. VS Code installs it, and lists it in its
// extensions.json; it ignores a copied folder once that file exists. The same sources give the same bytes.
// The format is that of `vsce package` 4.1 (npm's @vscode/vsce), which brings many packages for two XML files and a zip.
import { readFileSync, writeFileSync } from 'node:fs';
import { strToU8, zipSync } from 'fflate';

const folder = 'scripts/editors/vscode';
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));
const escapeXml = (text) => text.replaceAll(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

/** @param {{ version: string }} release the release of the package */
export function writeVscodePackage({ version }, path = 'dist/iam-tokend.vsix') {
  const extension = { ...readJson(`${folder}/package.json`), version };
  const files = {
    'extension.vsixmanifest': formatManifest(extension),
    '[Content_Types].xml': contentTypes,
    'extension/package.json': `${JSON.stringify(extension, null, 2)}\n`,
    'extension/extension.js': readFileSync(`${folder}/extension.js`, 'utf8'),
    'extension/LICENSE.txt': readFileSync('LICENSE', 'utf8'),
  };
  const entries = Object.entries(files).map(([name, text]) => [name, strToU8(text)]);
  // A zip holds local times, without a time zone; the earliest one that it can hold.
  writeFileSync(path, zipSync(Object.fromEntries(entries), { mtime: new Date(1980, 0, 1) }));
}

const xmlHeader = '<?xml version="1.0" encoding="utf-8"?>\n';

const contentTypes = `${xmlHeader}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
  <Default Extension=".js" ContentType="application/javascript"/>
  <Default Extension=".json" ContentType="application/json"/>
  <Default Extension=".txt" ContentType="text/plain"/>
  <Default Extension=".vsixmanifest" ContentType="text/xml"/>
</Types>
`;

function formatManifest({ name, version, publisher, displayName, description, engines, extensionKind }) {
  const properties = {
    'Microsoft.VisualStudio.Code.Engine': engines.vscode,
    'Microsoft.VisualStudio.Code.ExtensionKind': extensionKind.join(','),
    'Microsoft.VisualStudio.Code.ExecutesCode': 'true',
  };
  const propertyLines = Object.entries(properties).map(
    ([id, value]) => `      <Property Id="${id}" Value="${escapeXml(value)}"/>`,
  );
  return `${xmlHeader}<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
  <Metadata>
    <Identity Language="en-US" Id="${name}" Version="${version}" Publisher="${publisher}"/>
    <DisplayName>${escapeXml(displayName)}</DisplayName>
    <Description xml:space="preserve">${escapeXml(description)}</Description>
    <Tags></Tags>
    <Categories>Other</Categories>
    <Properties>
${propertyLines.join('\n')}
    </Properties>
    <License>extension/LICENSE.txt</License>
  </Metadata>
  <Installation>
    <InstallationTarget Id="Microsoft.VisualStudio.Code"/>
  </Installation>
  <Dependencies/>
  <Assets>
    <Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json" Addressable="true"/>
    <Asset Type="Microsoft.VisualStudio.Services.Content.License" Path="extension/LICENSE.txt" Addressable="true"/>
  </Assets>
</PackageManifest>
`;
}
