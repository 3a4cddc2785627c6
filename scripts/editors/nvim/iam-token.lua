-- Yandex Cloud IAM tokens in Neovim, from iam-tokend. Copy this file to ~/.config/nvim/lua/iam-token.lua.
--   require('iam-token').get({}, function(problem, token) … end)   passes the token to a callback
--   require('iam-token').get_now()                                  returns the token within 10 s, or throws an error
--   require('iam-token').setup()                                    defines :IamToken, which shows the time left
-- Each takes { profile = …, socket = … }. Call them for each request instead of storing the token: the daemon keeps a valid one.
-- Uses the daemon's socket directly; PROTOCOL.md documents it.
local uv = vim.uv or vim.loop
local M = {}

local timeout_ms, max_frame_bytes, max_time_left_ms = 10000, 65536, 86400000
local invalid_response = { message = 'the daemon sent an invalid response', hint = 'iam-token doctor' }

local function env(name)
  local value = vim.env[name]
  return value ~= '' and value or nil
end

-- Control and format characters become \u{…}: they could hide text, or break a line.
local unprintable_ranges = {
  { 0x00, 0x1f }, { 0x7f, 0x9f }, { 0xad, 0xad }, { 0x600, 0x605 }, { 0x61c, 0x61c }, { 0x6dd, 0x6dd }, { 0x70f, 0x70f },
  { 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xd800, 0xdfff }, { 0xfeff, 0xfeff },
  { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
}
local function plain(text)
  local valid_text = text:gsub('[\128-\255]+', function(bytes)
    return vim.fn.strlen(vim.fn.iconv(bytes, 'utf-8', 'utf-8')) == #bytes and bytes or '?'
  end)
  return (valid_text:gsub('[%z\1-\127\194-\244][\128-\191]*', function(character)
    local code = vim.fn.char2nr(character, true)
    for _, range in ipairs(unprintable_ranges) do
      if code >= range[1] and code <= range[2] then return ('\\u{%x}'):format(code) end
    end
  end))
end

-- The problem that the daemon sent, or nil.
local function parse_problem(value)
  if type(value) ~= 'table' or type(value.message) ~= 'string' then return nil end
  return { message = value.message, hint = type(value.hint) == 'string' and value.hint or nil }
end

-- Returns the result of a response, or nil and the problem. What violates the protocol is not handed on.
local function parse_response(text)
  local is_json, message = pcall(vim.json.decode, text)
  local data = is_json and type(message) == 'table' and message.type == 'iam-token' and message.data
  if type(data) == 'table' then
    local problem = parse_problem(data.error)
    if problem then return nil, problem end
    if data.error == nil and data.v == 1 and data.id == 1 and type(data.result) == 'table' then return data.result end
  end
  return nil, invalid_response
end

-- Visible ASCII only, as in iam-token: the token ends in headers and command lines.
local function is_token(value) return type(value) == 'string' and value:find('^[!-~]+$') ~= nil end
local function is_time(value) return type(value) == 'string' and value:find('^%d%d%d%d%-%d%d%-%d%dT[%d:.]+Z$') ~= nil end

-- The paths on which the daemon may listen, and whether the user chose the path.
local function socket_paths(explicit_path)
  explicit_path = explicit_path or env('IAM_TOKEND_SOCKET')
  if explicit_path then return { explicit_path }, true end
  if uv.os_uname().sysname == 'Darwin' then return { uv.os_homedir() .. '/Library/Application Support/iam-tokend/ipc.sock' }, false end
  local uid, paths = uv.getuid and uv.getuid() or -1, {}
  for _, folder in ipairs({ env('XDG_RUNTIME_DIR') or '', '/run/user/' .. uid }) do
    local stat = folder:sub(1, 1) == '/' and uv.fs_stat(folder)
    if stat and stat.uid == uid then table.insert(paths, folder .. '/iam-tokend/ipc.sock') end
  end
  return paths[1] and paths or { '/tmp/iam-tokend-' .. uid .. '/ipc.sock' }, false
end

-- Another user with write access to the socket's folder could replace the socket. Returns the problem if there is one,
-- and whether the folder is missing.
local function check_folder(path, is_explicit)
  if not uv.getuid then
    return { message = 'the daemon cannot be authenticated on Windows', hint = 'use the command iam-token instead' }
  end
  local folder = path:match('^(.+)/[^/]*$')
  local stat = folder and uv.fs_lstat(folder)
  if not stat then return nil, true end
  local socket_stat, uid = uv.fs_lstat(path), uv.getuid()
  local has_owner = stat.uid == uid or is_explicit and (stat.uid == 0 or socket_stat and stat.uid == socket_stat.uid)
  local is_open = bit.band(stat.mode, tonumber(is_explicit and '022' or '077', 8)) ~= 0
  if stat.type == 'directory' and has_owner and not is_open then return nil end
  return { message = "the socket's folder " .. folder .. ' is not private', hint = 'iam-token doctor' }
end

-- Sends one request on its own connection. Calls back once: with a problem, or with nil and the result.
local function call(method, options, callback)
  local paths, is_explicit = socket_paths(options.socket)
  local profile = options.profile or env('IAM_TOKEND_PROFILE')
  local data = { v = 1, id = 1, method = method, params = profile and { profile = profile } or vim.empty_dict() }
  local frame = vim.json.encode({ type = 'iam-token', data = data }) .. '\f'
  local pipe, timer, received, is_done = nil, uv.new_timer(), '', false
  local function finish(problem, result)
    if is_done then return end
    is_done = true
    timer:close()
    if pipe and not pipe:is_closing() then pipe:close() end
    vim.schedule(function() callback(problem, result) end)
  end
  local function on_read(err, chunk)
    received = received .. (chunk or '')
    local text = received:match('^(.-)\f')
    if text then
      local result, problem = parse_response(text)
      return finish(problem, result)
    end
    if #received > max_frame_bytes then return finish(invalid_response) end
    if err or not chunk then finish({ message = 'the daemon closed the connection', hint = 'try again' }) end
  end
  local function try_path(index)
    local path = paths[index]
    if not path then
      local message = 'iam-tokend is not running (cannot connect to ' .. table.concat(paths, ' or ') .. ')'
      return finish({ message = message, hint = 'iam-token install' })
    end
    local problem, is_missing = check_folder(path, is_explicit)
    if is_missing then return try_path(index + 1) end
    if problem then return finish(problem) end
    pipe = uv.new_pipe(false)
    pipe:connect(path, function(err)
      if err then
        pipe:close()
        if err:find('^ENOENT') or err:find('^ECONNREFUSED') then return try_path(index + 1) end
        return finish({ message = 'cannot connect to ' .. path .. ': ' .. err, hint = 'iam-token doctor' })
      end
      pipe:read_start(on_read)
      pipe:write(frame)
    end)
  end
  timer:start(timeout_ms, 0, function() finish({ message = 'the daemon does not respond', hint = 'iam-token doctor' }) end)
  try_path(1)
end

local function format_problem(problem)
  return plain('iam-token: ' .. problem.message .. (problem.hint and ' – ' .. problem.hint:gsub('\n', '; ') or ''))
end

-- Calls back with the problem as text, or with nil, the token and its expiry (RFC 3339, UTC).
function M.get(options, callback)
  call('token', options or {}, function(problem, result)
    if problem then return callback(format_problem(problem)) end
    local expires_at = result.expiresAt
    if not is_token(result.token) or expires_at ~= nil and not is_time(expires_at) then
      return callback(format_problem(invalid_response))
    end
    callback(nil, result.token, expires_at)
  end)
end

-- Returns the token, or throws the problem as text.
function M.get_now(options)
  local is_done, problem, token = false, nil, nil
  M.get(options, function(...)
    is_done, problem, token = true, ...
  end)
  vim.wait(timeout_ms + 1000, function() return is_done end, 10)
  if not token then error(problem or 'iam-token: the daemon does not respond', 0) end
  return token
end

-- Shows the profile and the time left of its token. The token itself is not shown, because :messages keeps it.
function M.show(options)
  call('status', options or {}, function(problem, result)
    if problem then return vim.notify(format_problem(problem), vim.log.levels.ERROR) end
    local profiles = type(result.profiles) == 'table' and result.profiles or {}
    for _, status in ipairs(profiles) do
      if type(status) ~= 'table' or type(status.profile) ~= 'string' or type(status.state) ~= 'string' then
        return vim.notify(format_problem(invalid_response), vim.log.levels.ERROR)
      end
      if status.isDefault == true or #profiles == 1 then
        local status_problem = parse_problem(status.problem)
        if status_problem then vim.notify(format_problem(status_problem), vim.log.levels.WARN) end
        local left_ms = type(status.timeLeftMs) == 'number' and math.min(status.timeLeftMs, max_time_left_ms) or 0
        local left = left_ms > 0 and ('%dh%02dm'):format(left_ms / 3600000, left_ms / 60000 % 60) or status.state:gsub('_', ' ')
        return vim.notify(plain(('iam-token: %s, %s'):format(status.profile, left)))
      end
    end
    vim.notify('iam-token: not logged in – iam-token login', vim.log.levels.WARN)
  end)
end

function M.setup()
  vim.api.nvim_create_user_command('IamToken', function(command)
    M.show({ profile = command.args ~= '' and command.args or nil })
  end, { nargs = '?', desc = 'show the profile and the time left of its IAM token' })
end

return M
