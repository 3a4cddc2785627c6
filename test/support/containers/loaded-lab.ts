import { ContainerLab } from './container-lab.ts';
import { trustIssuer } from './oidc-issuers.ts';

/** For the tests of a suite: a lab with the image, whose emulator trusts the first issuer. Skips them without root or podman. */
export function useLoadedLab(): () => ContainerLab {
  let lab: ContainerLab | undefined;

  before(async function () {
    this.timeout(900_000);
    if (process.getuid?.() !== 0) return this.skip();
    lab = await ContainerLab.start();
    const { code } = await lab.run('podman info');
    if (code !== 0) return this.skip();
    await lab.loadImage();
    trustIssuer(lab.emulator, 0);
    return undefined;
  });
  after(() => lab?.stop());

  return () => {
    if (lab === undefined) throw new Error('the lab has not started');
    return lab;
  };
}

/** The program of an app that requests a token from the metadata address; it has no package and no shell. */
export const metadataApp = `fetch('http://' + process.env.YC_METADATA_ADDR + '/computeMetadata/v1/instance/service-accounts/default/token', { headers: { 'metadata-flavor': 'Google' } }).then((answer) => answer.json()).then(({ access_token: token }) => console.log(token))`;
