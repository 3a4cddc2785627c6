-- IAM tokens in Neovim, from the daemon iam-tokend. Copy to ~/.config/nvim/lua/iam-token.lua, then
--   require('iam-token').get({}, function(problem, token) … end)   asks, and calls back
--   require('iam-token').get_now()                                  waits, at most 10 s, and throws the problem
--   require('iam-token').setup()                                    has :IamToken say how long the token lives
-- Each takes { profile = …, socket = … }. Ask for each request, and keep no token: the daemon has a living one.
-- Speaks to the daemon's socket itself, as PROTOCOL.md has it.
local uv = vim.uv or vim.loop
local M = {}

local timeout_ms, longest_frame = 10000, 65536

local function env(name)
  local value = vim.env[name]
  return value ~= '' and value or nil
end

-- Where the daemon may listen, and whether a person named the place.
local function socket_paths(named)
  named = named or env('IAM_TOKEND_SOCKET')
  if named then return { named }, true end
  if uv.os_uname().sysname == 'Darwin' then return { uv.os_homedir() .. '/Library/Application Support/iam-tokend/ipc.sock' }, false end
  local uid, paths = uv.getuid and uv.getuid() or -1, {}
  for _, folder in ipairs({ env('XDG_RUNTIME_DIR') or '', '/run/user/' .. uid }) do
    local found = folder:sub(1, 1) == '/' and uv.fs_stat(folder)
    if found and found.uid == uid then table.insert(paths, folder .. '/iam-tokend/ipc.sock') end
  end
  return paths[1] and paths or { '/tmp/iam-tokend-' .. uid .. '/ipc.sock' }, false
end

-- Who can write to the socket's folder can put a socket of their own there. The second value: there is no folder.
local function refused_folder(path, named)
  if not uv.getuid then
    return { message = 'on Windows a daemon has to prove whose it is, and here none is asked to', hint = 'take the token from iam-token itself' }
  end
  local folder = path:match('^(.+)/[^/]*$')
  local found = folder and uv.fs_lstat(folder)
  if not found then return nil, true end
  local socket, uid = uv.fs_lstat(path), uv.getuid()
  local owned = found.uid == uid or named and (found.uid == 0 or socket and found.uid == socket.uid)
  local open = bit.band(found.mode, tonumber(named and '022' or '077', 8)) ~= 0
  if found.type == 'directory' and owned and not open then return nil end
  return { message = "the socket's folder " .. folder .. ' is a link, foreign or open to others', hint = 'iam-token doctor' }
end

-- One question on one connection; calls back once, with a problem, or with nil and the answer.
local function ask(method, options, callback)
  local paths, named = socket_paths(options.socket)
  local profile = options.profile or env('IAM_TOKEND_PROFILE')
  local data = { v = 1, id = 1, method = method, params = profile and { profile = profile } or vim.empty_dict() }
  local frame = vim.json.encode({ type = 'iam-token', data = data }) .. '\f'
  local pipe, timer, received, is_over = nil, uv.new_timer(), '', false
  local function finish(problem, answer)
    if is_over then return end
    is_over = true
    timer:close()
    if pipe and not pipe:is_closing() then pipe:close() end
    vim.schedule(function() callback(problem, answer) end)
  end
  local function take(problem, piece)
    received = received .. (piece or '')
    local text = received:match('^(.-)\f')
    if text then
      local fine, message = pcall(vim.json.decode, text)
      local said = fine and type(message) == 'table' and message.data or {}
      return finish(said.error or not said.result and { message = 'the daemon is not understood' } or nil, said.result)
    end
    if #received > longest_frame then return finish({ message = 'the daemon is not understood' }) end
    if problem or not piece then finish({ message = 'the daemon closed the connection', hint = 'try again' }) end
  end
  local function try(at)
    local path = paths[at]
    if not path then
      return finish({ message = 'nothing listens at ' .. table.concat(paths, ' or '), hint = 'iam-token install' })
    end
    local refused, missing = refused_folder(path, named)
    if missing then return try(at + 1) end
    if refused then return finish(refused) end
    pipe = uv.new_pipe(false)
    pipe:connect(path, function(problem)
      if problem then
        pipe:close()
        if problem:find('^ENOENT') or problem:find('^ECONNREFUSED') then return try(at + 1) end
        return finish({ message = 'cannot connect to ' .. path .. ': ' .. problem, hint = 'iam-token doctor' })
      end
      pipe:read_start(take)
      pipe:write(frame)
    end)
  end
  timer:start(timeout_ms, 0, function() finish({ message = 'the daemon does not answer', hint = 'iam-token doctor' }) end)
  try(1)
end

local function words(problem)
  return 'iam-token: ' .. problem.message .. (problem.hint and ' – ' .. problem.hint or '')
end

-- Calls back with the problem in words, or with nil, the token and its end (RFC 3339, UTC).
function M.get(options, callback)
  ask('token', options or {}, function(problem, answer)
    if problem then callback(words(problem)) else callback(nil, answer.token, answer.expiresAt) end
  end)
end

-- The token; an error in words where there is none.
function M.get_now(options)
  local is_done, problem, token = false, nil, nil
  M.get(options, function(...)
    is_done, problem, token = true, ...
  end)
  vim.wait(timeout_ms + 1000, function() return is_done end, 10)
  if not token then error(problem or 'iam-token: the daemon does not answer', 0) end
  return token
end

-- Says whose token there is and how long it lives; the token itself stays out of :messages.
function M.show(options)
  ask('status', options or {}, function(problem, answer)
    if problem then return vim.notify(words(problem), vim.log.levels.ERROR) end
    for _, status in ipairs(answer.profiles) do
      if status.isDefault or #answer.profiles == 1 then
        if type(status.problem) == 'table' then vim.notify(words(status.problem), vim.log.levels.WARN) end
        local left = tonumber(status.timeLeftMs) or 0
        local life = left > 0 and ('%dh%02dm'):format(left / 3600000, left / 60000 % 60) or status.state:gsub('_', ' ')
        return vim.notify(('iam-token: %s, %s'):format(status.profile, life))
      end
    end
    vim.notify('iam-token: nobody is logged in – iam-token login', vim.log.levels.WARN)
  end)
end

function M.setup()
  vim.api.nvim_create_user_command('IamToken', function(command)
    M.show({ profile = command.args ~= '' and command.args or nil })
  end, { nargs = '?', desc = 'whose IAM token there is, and how long it lives' })
end

return M
