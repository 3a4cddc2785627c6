;;; iam-token.el --- Yandex Cloud IAM tokens from iam-tokend  -*- lexical-binding: t -*-
;; (load "/path/to/iam-token.el"), then (iam-token-get) returns the token, or signals an error with a hint.
;; Call it for each request instead of storing the token: the daemon keeps a valid one.  Linux and macOS.
(require 'json)

(defvar iam-token-socket nil "The daemon's socket; default: IAM_TOKEND_SOCKET, then the usual path.")

(defun iam-token--socket-paths ()
  "Return the paths on which the daemon may listen."
  (let ((explicit-path (or iam-token-socket (getenv "IAM_TOKEND_SOCKET")))
        (own-folder-p (lambda (folder)
                        (and folder (file-name-absolute-p folder)
                             (eql (file-attribute-user-id (file-attributes (file-truename folder))) (user-uid))))))
    (cond ((and explicit-path (not (equal explicit-path ""))) (list explicit-path))
          ((eq system-type 'darwin) (list (expand-file-name "~/Library/Application Support/iam-tokend/ipc.sock")))
          ((mapcar (lambda (folder) (expand-file-name "iam-tokend/ipc.sock" folder))
                   (seq-filter own-folder-p (list (getenv "XDG_RUNTIME_DIR") (format "/run/user/%d" (user-uid))))))
          ((list (format "/tmp/iam-tokend-%d/ipc.sock" (user-uid)))))))

(defun iam-token--check-folder (socket)
  "Signal an error if another user could replace SOCKET."
  (let* ((folder (directory-file-name (file-name-directory socket))) (attributes (file-attributes folder)))
    (unless (and (eq t (file-attribute-type attributes)) (eql (file-attribute-user-id attributes) (user-uid))
                 (zerop (logand #o77 (file-modes folder))))
      (user-error "iam-token: the socket's folder %s is not private – iam-token doctor" folder))))

(defun iam-token--plain (text)
  "Return TEXT on one line, with control and format characters as \\u{…}: they could hide a part of it."
  (mapconcat (lambda (char)
               (if (memq (get-char-code-property char 'general-category) '(Cc Cf Cs Zl Zp))
                   (format "\\u{%x}" char)
                 (string char)))
             (string-replace "\n" "; " text) ""))

(defun iam-token--parse (frame)
  "Return the token in FRAME, a response of the daemon, or signal its error.  What violates the protocol is not returned."
  (pcase (ignore-errors (let-alist (json-read-from-string frame)
                          (list .data.error.message .data.error.hint .data.v .data.id .data.result.token)))
    (`(,(and (pred stringp) message) ,hint . ,_)
     (user-error "%s" (iam-token--plain (concat "iam-token: " message (if (stringp hint) (concat " – " hint) "")))))
    ;; Visible ASCII only, as in iam-token: the token ends in headers and command lines.
    (`(nil nil 1 1 ,(and (pred stringp) (pred (string-match-p "\\`[!-~]+\\'")) token)) token)
    (_ (user-error "iam-token: the daemon sent an invalid response – iam-token doctor"))))

(defun iam-token-get (&optional profile)
  "Return the token of PROFILE; default: IAM_TOKEND_PROFILE, then the default profile.
Waits at most 10 s."
  (let* ((paths (iam-token--socket-paths)) (socket (seq-find #'file-exists-p paths))
         (profile-name (or profile (getenv "IAM_TOKEND_PROFILE"))) (text "") (deadline (+ 10 (float-time))) connection)
    (when socket
      (iam-token--check-folder socket)
      (setq connection (ignore-error file-error
                         (make-network-process :name "iam-token" :family 'local :service socket :coding 'utf-8
                                               :noquery t :filter (lambda (_ chunk) (setq text (concat text chunk)))))))
    (unless connection
      (user-error "iam-token: iam-tokend is not running (cannot connect to %s) – iam-token install" (string-join paths " or ")))
    (unwind-protect
        (progn
          (process-send-string connection
                               (concat (json-encode `((type . "iam-token")
                                                      (data (v . 1) (id . 1) (method . "token")
                                                            (params . ,(if profile-name `((profile . ,profile-name))
                                                                         (make-hash-table))))))
                                       "\f"))
          (while (and (not (string-suffix-p "\f" text)) (< (length text) 65536)
                      (process-live-p connection) (< (float-time) deadline))
            (accept-process-output connection 0.1))
          (unless (string-suffix-p "\f" text) (user-error "iam-token: the daemon does not respond – iam-token doctor"))
          (iam-token--parse (string-remove-suffix "\f" text)))
      (delete-process connection))))

(provide 'iam-token)
