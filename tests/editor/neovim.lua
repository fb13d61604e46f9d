-- Drives a language server as a person in Neovim does; says what was seen as one line of JSON.
-- In: the program, the file to write to, the flow that is open and the folder of the project.
local program, told, flow, root = vim.env.PROGRAM, vim.env.TOLD, vim.env.FLOW, vim.env.ROOT
local seen = {}

local function until_so(what, is_so)
  if not vim.wait(60000, is_so, 5) then seen.never = what end
  return seen.never == nil
end

local function text(buffer)
  return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '\n')
end

local function go_to(part)
  vim.fn.cursor(1, 1)
  vim.fn.search('\\V' .. part, 'cW')
end

local function main()
  vim.o.hidden = true
  vim.cmd('edit ' .. vim.fn.fnameescape(flow))
  local buffer = vim.api.nvim_get_current_buf()
  local client = vim.lsp.start_client({ cmd = { program, 'lsp' }, root_dir = root })
  vim.lsp.buf_attach_client(buffer, client)
  if not until_so('mistakes', function() return #vim.diagnostic.get(buffer) > 0 end) then return end
  local mistake = vim.diagnostic.get(buffer)[1]
  seen.mistake = { code = mistake.code, line = mistake.lnum, column = mistake.col,
    message = mistake.message }

  -- The person types the name as it should be.
  go_to('lerner.id')
  vim.cmd('normal! cwlearner')
  if not until_so('no mistakes', function() return #vim.diagnostic.get(buffer) == 0 end) then return end

  go_to('lms.users.ensure')
  local asked = vim.lsp.util.make_position_params()
  local hover = vim.lsp.buf_request_sync(buffer, 'textDocument/hover', asked, 60000)
  seen.hover = hover and hover[client] and hover[client].result
  asked.position.character = asked.position.character + #'lms.users.'
  local offered = vim.lsp.buf_request_sync(buffer, 'textDocument/completion', asked, 60000)
  local list = offered and offered[client] and offered[client].result or {}
  seen.offered = vim.tbl_map(function(item) return item.label end, list.items or list)

  go_to('learner')
  vim.lsp.buf.rename('person')
  if not until_so('a renamed step', function() return text(buffer):find('person.id', 1, true) end) then return end
  seen.renamed = text(buffer)

  go_to('flow.enrol')
  vim.lsp.buf.definition()
  if not until_so('the other flow', function() return vim.api.nvim_get_current_buf() ~= buffer end) then return end
  seen.led_to = vim.api.nvim_buf_get_name(0)
end

local ok, why = pcall(main)
if not ok then seen.error = tostring(why) end
vim.fn.writefile({ vim.json.encode(seen) }, told)
vim.cmd('qall!')
