import type { Authority } from './example-authorities.ts';

/**
 * A self-signed certificate for the hosts of Yandex Cloud that recipes name, valid from 2020 to 2120, and its key. Created
 * with `openssl` for tests only.
 */
export const cloudAuthority: Authority = {
  certificate: `-----BEGIN CERTIFICATE-----
MIIB1jCCAXygAwIBAgIBATAKBggqhkjOPQQDAjAgMR4wHAYDVQQDDBVpYW0tdG9r
ZW5kIHRlc3QgY2xvdWQwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBa
MCAxHjAcBgNVBAMMFWlhbS10b2tlbmQgdGVzdCBjbG91ZDBZMBMGByqGSM49AgEG
CCqGSM49AwEHA0IABMTuyBT0RpHWxacTo45VSYySReC7ZwlWyB6mhOI/wVTxqBIB
mi7tTEomVR77hOcNBNrY5qFq+TUl1dG1QlUKfUCjgaQwgaEwbwYDVR0RBGgwZoIX
c3RvcmFnZS55YW5kZXhjbG91ZC5uZXSCGSouc3RvcmFnZS55YW5kZXhjbG91ZC5u
ZXSCGHJlZ2lzdHJ5LnlhbmRleGNsb3VkLm5ldIIWKi5hcGkuY2xvdWQueWFuZGV4
Lm5ldDAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBSZUJNcgZY0nJ0zoC5sfoxY
a2v/4DAKBggqhkjOPQQDAgNIADBFAiAEMBRH47fLnOI9SiG+ZT6RmBjO3847CKPt
9n7Tji8dawIhAOwl86RFZjwSeMUG9YPU5URT/zHGe9xMIPhrveCFr/af
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgUZiyqf+a4BIhOsrG
4OjTYB7Z37Qnap5HiJXq9fsx8RKhRANCAATE7sgU9EaR1sWnE6OOVUmMkkXgu2cJ
VsgepoTiP8FU8agSAZou7UxKJlUe+4TnDQTa2Oahavk1JdXRtUJVCn1A
-----END PRIVATE KEY-----
`,
};
