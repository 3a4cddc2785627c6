/**
 * An id as Yandex Cloud gives it to a cloud, a folder, a key or an account: at most 50 characters
 * (yandex.cloud/en/docs/iam/api-ref/IamToken/createForServiceAccount, November 2026).
 */
export const resourceIdPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$/;

/** What an id must be, for messages. */
export const resourceIdRule = 'must be an id of Yandex Cloud: at most 50 letters, digits, - and _';
