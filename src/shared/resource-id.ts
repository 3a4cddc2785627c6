/**
 * Whether `text` can be the id of a cloud, a folder, a key or an account in Yandex Cloud: at most 50 characters
 * (yandex.cloud/en/docs/iam/api-ref/IamToken/createForServiceAccount, November 2026).
 */
export function isResourceId(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$/.test(text);
}

/** For messages: the rule that `isResourceId` checks. */
export const resourceIdRule = 'must be an id of Yandex Cloud: at most 50 letters, digits, - and _';
