;;; iam-token.el --- IAM tokens of Yandex Cloud, from the daemon iam-tokend  -*- lexical-binding: t -*-
;; (load "/path/to/iam-token.el"), then (iam-token-get) gives the token, or signals an error that says what to do.
;; Ask for each request, and keep no token: the daemon has a living one.  Linux and macOS.
(require 'json)

(defvar iam-token-socket nil "The daemon's socket; without it IAM_TOKEND_SOCKET, else the usual place.")

(defun iam-token--sockets ()
  "Where the daemon may listen."
  (let ((named (or iam-token-socket (getenv "IAM_TOKEND_SOCKET")))
        (ours (lambda (folder) (and folder (file-name-absolute-p folder)
                                    (eql (file-attribute-user-id (file-attributes (file-truename folder))) (user-uid))))))
    (cond ((and named (not (equal named ""))) (list named))
          ((eq system-type 'darwin) (list (expand-file-name "~/Library/Application Support/iam-tokend/ipc.sock")))
          ((mapcar (lambda (folder) (expand-file-name "iam-tokend/ipc.sock" folder))
                   (seq-filter ours (list (getenv "XDG_RUNTIME_DIR") (format "/run/user/%d" (user-uid))))))
          ((list (format "/tmp/iam-tokend-%d/ipc.sock" (user-uid)))))))

(defun iam-token--check (socket)
  "Signal an error where others could have put SOCKET there."
  (let* ((folder (directory-file-name (file-name-directory socket))) (found (file-attributes folder)))
    (unless (and (eq t (file-attribute-type found)) (eql (file-attribute-user-id found) (user-uid))
                 (zerop (logand #o77 (file-modes folder))))
      (user-error "iam-token: the socket's folder %s is a link, foreign or open to others – iam-token doctor" folder))))

(defun iam-token-get (&optional profile)
  "The token of PROFILE; without it IAM_TOKEND_PROFILE, else the default one.
Waits at most 10 s."
  (let* ((sockets (iam-token--sockets)) (socket (seq-find #'file-exists-p sockets))
         (named (or profile (getenv "IAM_TOKEND_PROFILE"))) (text "") (end (+ 10 (float-time))) connection)
    (when socket
      (iam-token--check socket)
      (setq connection (ignore-error file-error
                         (make-network-process :name "iam-token" :family 'local :service socket :coding 'utf-8
                                               :noquery t :filter (lambda (_ piece) (setq text (concat text piece)))))))
    (unless connection
      (user-error "iam-token: nothing listens at %s – iam-token install" (string-join sockets " or ")))
    (unwind-protect
        (progn
          (process-send-string connection
                               (concat (json-encode `((type . "iam-token")
                                                      (data (v . 1) (id . 1) (method . "token")
                                                            (params . ,(if named `((profile . ,named)) (make-hash-table))))))
                                       "\f"))
          (while (and (not (string-suffix-p "\f" text)) (< (length text) 65536)
                      (process-live-p connection) (< (float-time) end))
            (accept-process-output connection 0.1))
          (unless (string-suffix-p "\f" text) (user-error "iam-token: the daemon does not answer – iam-token doctor"))
          (let-alist (json-read-from-string (string-remove-suffix "\f" text))
            (or .data.result.token
                (user-error "iam-token: %s%s" .data.error.message
                            (if .data.error.hint (concat " – " .data.error.hint) "")))))
      (delete-process connection))))

(provide 'iam-token)
