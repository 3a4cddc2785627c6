/** Plain HTTP: the request does not leave the VM's host. */
export const metadataUrl = 'http://169.254.169.254';

/** yandex.cloud/en/docs/compute/operations/vm-connect/auth-inside-vm, November 2026. */
export const metadataTokenPath = '/computeMetadata/v1/instance/service-accounts/default/token';
